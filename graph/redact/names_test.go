package redact_test

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/graph/redact"
)

func TestNames(t *testing.T) {
	for verdict, names := range map[bool]string{
		true: `
			password passwd passphrase passcode pass pwd psk PASSWORD Password passWord PassWORD pass-word pass_phrase
			password1 password_2 dbPassword db_password dbpassword DB_PASSWORD PGPASSWORD mysqlpwd user.password userPass user_pass DB_PASS pgpass
			passwords password_hash passwordHash new_password_again
			secret secrets client_secret clientSecret clientsecret client-secret AWS_SECRET_ACCESS_KEY secretAccessKey secret_key secretkey webhook_secret
			token tokens TOKEN access_token accessToken accesstoken refresh_token id_token authToken x-auth-token csrf_token token_value GITHUB_TOKEN
			2fa_token oauth2_token token2 user%5Btoken%5D
			api_key apiKey API-KEY APIKey apikey ApiKeys X-Api-Key myapikey api_key_id
			access_key accesskey AccessKeyId private_key privateKey PRIVATE-KEY private_key_pem signing_key encryption_key AccountKey SharedAccessKey
			master_key ssh_key Ocp-Apim-Subscription-Key
			authorization Authorization proxy-authorization authorization_code auth auth_key basicAuth proxy.auth auth_code
			cookie Cookie Set-Cookie cookies session_cookie cookie_value
			session session_id sessionId SESSIONID JSESSIONID PHPSESSID session_key session_token sess_id session_ids
			credential credentials aws_credentials creds X-Amz-Credential X-Amz-Signature sig
			bearer bearer_token jwt id_jwt otp sms_otp totp pin user_pin cvv cvv2 cvc card_cvc recovery_codes seed_phrase
			secret_santa secret_id`,
		false: `
			tokenizer tokenize tokenized author authors authority authored authorized passage passenger passed passes bypass by_pass compass surpass
			keyboard monkey mon_key key keys key_id primary_key foreign_key access_keyboard access_keyword api_keyword secretary secretariat secretion
			cookies_eaten cookie_count rookie spin spinning opinion pinned gpio_pin pins shopping signal sigma design signature assign
			sessions session_count session_length sessionless possession obsession jwtless
			pass_rate pass_count low_pass high_pass boarding_pass compass_word compass_words glass_word
			token_count tokens_used max_tokens maxTokens total_tokens prompt_tokens completion_tokens token_type tokenType token_bucket tokens_per_second
			password_length password_policy password_file password_changed_at passwordless has_password is_secret requires_auth secret_name
			private_key_path privateKeyFile token_url tokenUrl authorization_endpoint auth_type credential_type api_key_name cookie_name cookie_path
			user name email id n url dsn connection_string database_url path code codes bear bearing forbearer account account_id accounts_key_count
			oauth notpin octopin acute credit credo sacred incredible credenza address status class process
			_ - . 42 é`,
	} {
		for name := range strings.FieldsSeq(names) {
			if got := redact.IsSecret(name); got != verdict {
				t.Errorf("IsSecret(%q) is %v", name, got)
			}
		}
	}
	for name, want := range map[string]bool{"": false, "client secret": true, "the api key": true, "pass word": true, "key of the api": false, "a b c": false, "pässword": false, "über_token": true} {
		if got := redact.IsSecret(name); got != want {
			t.Errorf("IsSecret(%q) is %v", name, got)
		}
	}
}

// Names that a user adds are those and no others, spelled in whatever way.
func TestMoreNames(t *testing.T) {
	r := redact.New([]string{"Card_Number", "e-mail"}, nil)
	for name, want := range map[string]bool{
		"card_number": true, "cardNumber": true, "CARD-NUMBER": true, "email": true, "E.Mail": true, "token": true,
		"card": false, "number": false, "emails": false, "card_numbers": false,
	} {
		if got := r.IsSecret(name); got != want {
			t.Errorf("IsSecret(%q) is %v", name, got)
		}
	}
	if redact.IsSecret("email") {
		t.Error("a name that was added for one is added for all")
	}
}

func BenchmarkIsSecret(b *testing.B) {
	names := []string{"id", "name", "departure_delay", "dbPassword", "state", "country_code"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		redact.IsSecret(names[i%len(names)])
	}
}
