CREATE TABLE purchases (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer text NOT NULL,
  total numeric(12,2) NOT NULL,
  placed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO purchases (customer, total, placed_at) VALUES
  ('Ann', 19.90, '2026-03-01 08:12:00Z'), ('Bob', 240, '2026-03-01 09:40:10Z'), ('Ann', 5.25, '2026-03-01 11:05:59Z');
