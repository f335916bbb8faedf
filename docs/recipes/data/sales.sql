CREATE TABLE sales (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product text NOT NULL,
  total numeric(12,2) NOT NULL,
  placed_at timestamptz NOT NULL
);
INSERT INTO sales (product, total, placed_at) VALUES
  ('lamp', 34.90, '2026-03-27 22:59:59Z'),            -- the 27th in Berlin, in its last second
  ('cup', 4.50, '2026-03-27 23:00:00Z'),              -- the 28th has begun there
  ('chair', 89, '2026-03-28 10:30:00Z'), ('cup', 4.50, '2026-03-28 15:00:00Z'), ('chair', 89, '2026-03-28 22:59:59Z'),
  ('bowl', 7.25, '2026-03-28 23:00:00Z'),             -- the 29th, which has 23 hours
  ('rug', 120, '2026-03-29 21:59:59Z'), ('rug', 120, '2026-03-29 22:00:00Z'),
  ('cup', 4.50, now() - interval '1 day'), ('cup', 4.50, now());
