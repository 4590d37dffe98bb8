use super::{cards::luhn, *};
use proptest::prelude::*;

/// Test numbers that the networks publish.
const CARDS: [&str; 9] = [
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6304000000000000",
];

fn redactor() -> Redactor {
    Redactor::new(b"a key of the tests")
}

fn masked(digits: &str) -> String {
    format!("card:{}:{}", redactor().token(digits), &digits[digits.len() - 4..])
}

#[test]
fn cards_in_texts_become_tokens() {
    for card in CARDS {
        assert_eq!(redactor().text(card), masked(card), "{card}");
        assert_eq!(redactor().text(&format!("pay {card}, now")), format!("pay {}, now", masked(card)));
        assert_eq!(
            redactor().text(&format!("/buy?pan={card}&x=1")),
            format!("/buy?pan={}&x=1", masked(card))
        );
    }
    let check = |text: &str, expected: &str| assert_eq!(redactor().text(text), expected, "{text}");
    let visa = masked("4111111111111111");
    check("4111 1111 1111 1111", &visa);
    check("4111-1111-1111-1111.", &format!("{visa}."));
    check("4111.1111.1111.1111", &visa);
    check("n=4111+1111+1111+1111", &format!("n={visa}"));
    check("n=4111%201111%201111%201111&", &format!("n={visa}&"));
    check("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", &visa);
    check("3782 822463 10005", &masked("378282246310005"));
    check("12/26 4111 1111 1111 1111 123", &format!("12/26 {visa} 123"));
    check("order 17 4111111111111111", &format!("order 17 {visa}"));
    check("é4111111111111111é", &format!("é{visa}é"));
    // Between them they look like a digest, but for the word that they end.
    let mastercard = masked("5555555555554444");
    check("card5555555555554444a4111111111111111,", &format!("card{mastercard}a{visa},"));
    check("4111\u{a0}1111\u{2009}1111\u{200b}1111", &visa);
    check("4111\u{2011}1111\u{2013}1111\u{202f}1111", &visa);
    check("pan4111111111111111", &format!("pan{visa}"));
    check("4111111111111111EUR", &format!("{visa}EUR"));
    check("card_4111111111111111_eur", &format!("card_{visa}_eur"));
    check("4111/1111/1111/1111", &visa);
    check("LIKE '%4111111111111111%'", &format!("LIKE '%{visa}%'"));
    check("'%3782822463100050%' 100%4111111111111111", &format!("'%3782822463100050%' 100%{visa}"));
    check("1.2.3.4111111111111111", &format!("1.2.3.{visa}"));
    check("41 11 11 11 11 11 11 11", &visa);
    check("4111,1111,1111,1111", &visa);
    check("4111\t1111\t1111\t1111", &visa);
    check("3782,822463,10005", &masked("378282246310005"));
    check("4111111111111111,5555555555554444", &format!("{visa},{}", masked("5555555555554444")));
}

#[test]
fn what_is_no_card_stays() {
    let check = |text: &str| assert!(matches!(redactor().text(text), Cow::Borrowed(_)), "{text}");
    check("4111111111111112");
    check("1700000000000000000");
    check("0000000000000000");
    check("4444444444444444444444");
    check("a4111111111111111");
    check("4111111111111111b");
    check("4111,1111,1111111,1");
    check("4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1");
    check("41/11/11/11/11/11/11/11");
    check("https://shop.example:8443/a@b");
    check("see https://user@shop.example and a:b@c");
    check("deadbeef4111111111111111");
    check("2026-11-21 12:00:00.123 10.0.0.1 443");
    check("2026.11.21 12.00.00 4111");
    check("order 1234567890123");
    check("\"lat\":38.63903760939792,\"lon\":-7.65673911462386199");
    check("2005-06-30-08.33.35.910212 core");
    check("REPORT : 7024 5015 150454 240");
    check("channels 36 40 44 48 52 56 60 64 100 104 108 112");
    check("+33 6 12 34 56 78 90");
    check("short");
}

#[test]
fn secrets_go_by_their_keys() {
    let check = |input: Value, expected: Value| {
        let Value::Object(fields) = input else { panic!("an object") };
        let mut event = Event { fields, ..Event::default() };
        redactor().redact(&mut event);
        assert_eq!(Value::Object(event.fields), expected);
    };
    let gone = json!(REDACTED);
    check(
        json!({"CVV": "123", "a": [{"Card_CVC": 456}], "user.password": "x", "Authorization": ["Basic eA=="], "secret": null}),
        json!({"CVV": gone, "a": [{"Card_CVC": gone}], "user.password": gone, "Authorization": gone, "secret": null}),
    );
    let card = json!({"token": redactor().token("4111111111111111"), "last4": "1111", "bin": "411111"});
    let with = |extra: Value| {
        let mut card = card.clone();
        let mut whole = extra.as_object().unwrap().clone();
        whole.extend(card.as_object_mut().unwrap().clone());
        Value::Object(whole)
    };
    check(
        json!({"card": {"number": "4111 1111 1111 1111", "country": "FR"}}),
        json!({"card": with(json!({"country": "FR"}))}),
    );
    check(
        json!({"ecommerce": {"card": {"number": 4_111_111_111_111_111_u64}}}),
        json!({"ecommerce": {"card": card}}),
    );
    check(json!({"card": {"number": "****1234"}}), json!({"card": {"last4": "1234"}}));
    check(
        json!({"card": {"token": "t", "number": "4111111111111111"}}),
        json!({"card": {"token": "t", "last4": "1111", "bin": "411111"}}),
    );
    check(
        json!({"n": 4_111_111_111_111_111_u64, "t": 1_700_000_000_000_u64}),
        json!({"n": masked("4111111111111111"), "t": 1_700_000_000_000_u64}),
    );
    check(
        json!({"f": 4_111_111_111_111_111.0, "h": 4_111_111_111_111_111.5, "m": -4_111_111_111_111_111_i64, "l": [1e300, 1.5, -2]}),
        json!({"f": masked("4111111111111111"), "h": masked("4111111111111111"), "m": masked("4111111111111111"), "l": [1e300, 1.5, -2]}),
    );
    check(
        json!({"confirm_password": "x", "passwordConfirmation": "x", "cvvCode": 1, "api-key": "x", "password_reset": true}),
        json!({"confirm_password": gone, "passwordConfirmation": gone, "cvvCode": gone, "api-key": gone, "password_reset": true}),
    );
    check(json!({"4111111111111111": {"x": 1}}), json!({masked("4111111111111111"): {"x": 1}}));
    check(json!({"number": "12", "card": "none"}), json!({"number": "12", "card": "none"}));
}

#[test]
fn secrets_in_lines_go_too() {
    let check = |text: &str, expected: &str| assert_eq!(redactor().text(text), expected, "{text}");
    check("POST /login?user=a&password=hunter2&x=1", "POST /login?user=a&password=[redacted]&x=1");
    check(r#"{"cvv": "123", "a": 1}"#, r#"{"cvv": "[redacted]", "a": 1}"#);
    check("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]");
    check("user_password=x; cvc=12", "user_password=[redacted]; cvc=[redacted]");
    check(r#"password: "two words", next"#, r#"password: "[redacted]", next"#);
    check(r#"{\"password\":\"hunter2\",\"a\":1}"#, r#"{\"password\":\"[redacted]\",\"a\":1}"#);
    check("<password>hunter2</password><user>a</user>", "<password>[redacted]</password><user>a</user>");
    check("a%26cvv%3D123&b=1", "a%26cvv%3D[redacted]&b=1");
    check(r#""GET /?password=" 200 "-""#, r#""GET /?password=" 200 "-""#);
    check(r"pwd=a\b c", r"pwd=[redacted] c");
    check("GET /reset?token=abc123&x=1", "GET /reset?token=[redacted]&x=1");
    check("api_key: abc, token tok_9", "api_key: [redacted], token tok_9");
    check("GET https://ana:s3cret@shop.example/x", "GET https://ana:[redacted]@shop.example/x");
    check("amqp://u:p@ss@h, ftp://:x@h", "amqp://u:[redacted]@h, ftp://:[redacted]@h");
    check("the password was wrong", "the password was wrong");
    check("password=[redacted]", "password=[redacted]");
    let mut event = Event::default();
    event.metadata.original = Some("4111111111111111 pwd=x".to_owned());
    redactor().redact(&mut event);
    assert_eq!(event.metadata.original.unwrap(), format!("{} pwd=[redacted]", masked("4111111111111111")));
}

/// What is written before the mark, the secret, and what is written after it: nothing else may change.
#[test]
fn secrets_go_however_they_are_spelt() {
    let check = |before: &str, secret: &str, after: &str| {
        let (text, expected) = (format!("{before}{secret}{after}"), format!("{before}[redacted]{after}"));
        assert_eq!(redactor().text(&text), expected, "{text}");
        assert_eq!(redactor().text(&expected), expected, "again");
        let line = format!("10.0.0.1 - - \"GET /a\" 200 {text}");
        assert_eq!(redactor().text(&line), format!("10.0.0.1 - - \"GET /a\" 200 {expected}"), "{line}");
    };
    // Names.
    for name in [
        "password",
        "Passwd",
        "PWD",
        "user_password",
        "userPassword",
        "login.password",
        "passphrase",
        "CVV",
        "cvv2",
        "cvc",
        "cvn",
        "CSC",
        "card-cvc",
        "securityCode",
        "security_code",
        "cardVerificationValue",
        "access_token",
        "accessToken",
        "id_token",
        "X-Auth-Token",
        "apikey",
        "api_key",
        "x-api-key",
        "client_secret",
        "secret",
        "jwt",
        "aws_secret_access_key",
    ] {
        check(&format!("{name}="), "s3cr3t", "");
        check(&format!("/login?a=b&{name}="), "s3cr3t", "&x=1 HTTP/1.1");
        check(&format!("{name}: "), "s3cr3t", " x=1");
        check(&format!("\"{name}\":\""), "s3 c,r&3t", "\",\"x\":1}");
        check(&format!("{{'{name}': '"), "s3cr3t", "'}");
        check(&format!("{{\\\"{name}\\\":\\\""), "s3cr3t", "\\\",\\\"x\\\":1}");
        check(&format!("<{name}>"), "s3cr3t", &format!("</{name}>"));
    }
    for name in [
        "DB_PWD",
        "MYSQL_PWD",
        "db_secret",
        "webhook_secret",
        "JWT_SECRET",
        "STRIPE_SECRET",
        "card_cvv2",
        "x-cvc2",
    ] {
        check(&format!("{name}="), "s3cr3t", " x=1");
        check(&format!("{name}: "), "s3cr3t", "");
    }
    // Brackets of forms.
    check("user[password]=", "x1", "&a=1");
    check("user%5Bpassword%5D=", "x1", "&a=1");
    check("password[]=", "x1", "&a=1");
    check("card[cvv]=", "123", "");
    // Escapes, around the name and inside of it.
    check("pass%77ord=", "x1", "&a=1");
    check("p%2561ssword%253D", "x1", "%2526a%253D1");
    check("/r?next=%2Flogin%3Fpassword%3D", "x1", "%26a%3D1&b=2");
    check("password=", "a%26b%20c%23d", "&x=1");
    check("{\"p\\u0061ssword\":\"", "x1", "\"}");
    check("&quot;cvv&quot;:&quot;", "123", "&quot;,&quot;a&quot;");
    check("a=1&amp;password=", "x1", "&amp;b=2");
    // Values.
    check("/?password=", "a,b;c)d}e", "&x=1");
    check("password=", "a,b", ", user=x");
    check("password=", "a;b", ";user=x");
    check("(password=", "a", ")");
    check("\"cvv\":", "123", ",\"a\":1");
    check("\"cvv\" : ", "123", "}");
    check("{:password=>\"", "two words", "\", :a=>1}");
    check("password := '", "it is", "'");
    check("password: \"", "a\\\"b", "\", next");
    check("password: \"", "never closed &c", "");
    check("security code: ", "123", " ok");
    check("API key = ", "abc", "");
    check("<password type=\"plain\">", "x1", "</password>");
    check("<entry key=\"password\">", "x1", "</entry>");
    check("<input name=\"password\" value=\"", "x1", "\">");
    check("{\"name\":\"password\",\"value\":\"", "x1", "\"}");
    check("form-data; name=\"password\"\r\n\r\n", "x1", "\r\n--frontier");
    check("Server=db;User=sa;Password=\"", "p w", "\";Trusted=no");
    check("password:\n", "x1", "\nuser: ana");
    check("password =\n    ", "x1", "");
    check("password                              = ", "x1", "");
    check("password=[", "1", "");
    check("password=\"", "[redacted]x1", "\"");
    check("password='", "[redacted]  cvv=123 x", "");
    check("password=", "[redacted]x1", " a");
    check("https://bob:", "x[redacted]", "@host");
    check("password%22%3A+%22", "a+b", "%22");
    check("\"password\": [\"", "a\",\"b", "\"], \"c\": 1");
    check("https:\\/\\/bob:", "x1", "@host");
    // What bears access.
    check("Authorization: Bearer ", "abc.def-1", "");
    check("authorization=Basic+", "YTpi", "&x=1");
    check("Authorization%3A%20Bearer%20", "abc", "%0Anext");
    check("\"Authorization\":[\"Bearer ", "abc", "\"]");
    check("-H 'Authorization: Bearer ", "abc", "' -v");
    check("Authorization: ", "abc", " x=1");
    check("Proxy-Authorization: Digest ", "username=\"a\", response=\"b\"", "\nnext");
    check("Authorization: AWS4-HMAC-SHA256 ", "Credential=a/b, SignedHeaders=host, Signature=0f", "");
    check("sent Bearer ", "0123456789abcdef0", " to it");
    check("jwt eyJ.. is ", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", " there");
    check("/?t=", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", "&x=1");
    check("Cookie: ", "sid=1; theme=dark", "");
    check("Set-Cookie: ", "sid=1; Path=/; HttpOnly", " next");
    check("\"cookie\": \"", "sid=1; b=2", "\"");
    check("Cookie: ", "a=\"b c\"; sid=1", " x");
    check("Cookie: ", "a=b;  sid=it's", " x");
    check("-H 'Cookie: ", "a=\"b\"; sid=1", "' -v");
    check("GET /?cookie=", "yes", "&consent=all");
    check("{\"headers\":\"Authorization: Digest ", "username=a, response=b", "\",\"ip\":\"10.0.0.1\"}");
    check("/?X-Amz-Signature=", "0f0f", "&x=1");
    check("/a;jsessionid=", "0F0F", "?x=1");
    check("https%3A%2F%2Fana%3A", "s3%252Fcr%2540t", "%40shop.example%2F");
}

#[test]
fn what_is_no_secret_stays() {
    let check = |text: &str| assert!(matches!(redactor().text(text), Cow::Borrowed(_)), "{text}");
    for text in [
        "the password was wrong, Authorization failed",
        "a bearer token expired; token expired: 5",
        "bypass=1 compass: north passenger=3 design=x signal=5",
        "card.token 5f, tokens=128 max_tokens=256 tokenizer=bpe",
        "password",
        "password=",
        "password= ",
        "\"password\":\"\"",
        "GET /password/reset?step=2 HTTP/1.1",
        "/security?x=1 verification=done",
        "secretary=Ana cookies=off cookie consent",
        "100% sure & so on",
        "eyJust words.and dots",
        "/static/eyJvYmplY3QgbGlzdA.min.js /path/eyJmb28iOiJiYXIifQ9.html",
        "tests: pass=120, fail=3 sig=5 otp=off",
        "wtoken = T{9f} token=Token{a64f992 x}",
    ] {
        check(text);
    }
}

#[test]
fn emails_go_from_queries() {
    let token = format!("email:{}", redactor().token_of(&[b"email:", b"ana+x@shop.example"]));
    let check = |before: &str, email: &str, after: &str| {
        let text = format!("{before}{email}{after}");
        assert_eq!(redactor().text(&text), format!("{before}{token}{after}"), "{text}");
    };
    check("GET /reset?email=", "ana+x@shop.example", " HTTP/1.1");
    check("GET /reset?a=1&email=", "Ana%2BX%40Shop.Example", "&b=2 HTTP/1.1");
    check("/r?next=%2Freset%3Femail%3D", "ana%252Bx%2540shop.example", "%26b=2");
    check("a=1&email=", "ana+x@shop.example", "&b=2");
    check("/?", "ana+x@shop.example", "");
    check("/?q=(", "ana+x@shop.example", ")");
    check("/?q=", "ana+x@shop.example", ".");
    check("/?a=\"x\" /?b=", "ana+x@shop.example", "");
    check("GET /s?name=Ana%20Smith&email=", "ana%2bx%40shop.example", " HTTP/1.1");
    check("GET /s?name=O%27Neil&q=%22a%22&email=", "ana%2bx%40shop.example", " HTTP/1.1");
    check("a=1;email=", "\\u0061na+x@shop.example", "");
    let stays = |text: &str| assert!(matches!(redactor().text(text), Cow::Borrowed(_)), "{text}");
    for text in [
        "mail from ana@shop.example refused",
        "user=ana@shop.example action=login",
        "/?a=1 ana@shop.example",
        "https://ana@shop.example/?a=b",
        "/?a=@x&b=@&c=a@b&d=a@10.0.0.1&e=@shop.example",
        "/?img=logo@2x.png",
    ] {
        stays(text);
    }
    let mut fields =
        json!({"url": {"query": "email=ana%2Bx@shop.example"}, "user": {"email": "ana+x@shop.example"}})
            .as_object()
            .unwrap()
            .clone();
    redactor().fields(&mut fields);
    assert_eq!(fields["url"]["query"], format!("email={token}"));
    assert_eq!(fields["user"]["email"], "ana+x@shop.example");
}

fn with(settings: Value) -> Result<Redactor, RedactionSettingsError> {
    Redactor::with(b"a key of the tests", &serde_json::from_value(settings).unwrap())
}

#[test]
fn what_goes_is_configured() {
    let check = |settings: Value, text: &str, expected: &str| {
        assert_eq!(with(settings).unwrap().text(text), expected, "{text}");
    };
    check(json!({"cards": "redact"}), "pay 4111111111111111", "pay [redacted]");
    check(json!({"cards": "keep"}), "pay 4111111111111111 cvv=1", "pay 4111111111111111 cvv=[redacted]");
    check(
        json!({"credentials": "keep"}),
        "pwd=x 4111111111111111",
        &format!("pwd=x {}", masked("4111111111111111")),
    );
    check(json!({"emails": "keep"}), "/?e=ana@shop.example", "/?e=ana@shop.example");
    let mark = format!("email:{}", redactor().token_of(&[b"email:", b"ana@shop.example"]));
    check(json!({"emails": "everywhere"}), "from ana@shop.example, to", &format!("from {mark}, to"));
    check(json!({"secret_names": ["Tax ID"]}), "tax_id=12 x=1", "tax_id=[redacted] x=1");
    check(
        json!({"kept_names": ["cookie"]}),
        "cookie: a=b; set-cookie: c",
        "cookie: a=b; set-cookie: [redacted]",
    );
    let iban = json!({"patterns": [{"name": "iban", "pattern": r"\b[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\b"}]});
    check(iban, "to DE89370400440532013000.", "to [iban].");
    let mut fields =
        json!({"card": {"number": "4111111111111111"}, "tax-id": 5}).as_object().unwrap().clone();
    with(json!({"cards": "redact", "secret_names": ["taxid"]})).unwrap().fields(&mut fields);
    assert_eq!(Value::Object(fields), json!({"card": {}, "tax-id": "[redacted]"}));
    let fails = |settings: Value, expected: &str| {
        let error = with(settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    fails(json!({"secret_names": ["é"]}), "redaction.secret_names: \"é\" is no name");
    fails(json!({"kept_names": [""]}), "redaction.kept_names");
    fails(json!({"patterns": [{"name": "a b", "pattern": "x"}]}), "the name has 1 to 32 letters");
    fails(json!({"patterns": [{"name": "a", "pattern": "x*"}]}), "matches an empty text");
    fails(json!({"patterns": [{"name": "a", "pattern": "[a]"}]}), "matches [a]");
    fails(json!({"patterns": [{"name": "a", "pattern": "("}]}), "redaction.patterns: \"a\": ");
}

#[test]
fn long_names_in_many_letters_are_cut_between_them() {
    let text = format!("GET /?q={}@shop.example HTTP/1.1", "é名".repeat(40));
    let found = redactor().text(&text).into_owned();
    assert!(found.starts_with("GET /?q=") && found.ends_with(" HTTP/1.1"), "{found}");
    assert!(found.contains("email:") && !found.contains("shop.example"), "{found}");
}

#[test]
fn what_is_clean_by_its_text_is_so_by_its_fields() {
    let check = |settings: Value, document: Value| {
        let redactor = with(settings).unwrap();
        assert!(!redactor.is_clean(document.to_string().as_bytes()), "{document}");
        let Value::Object(mut fields) = document else { unreachable!() };
        assert!(redactor.fields(&mut fields));
    };
    check(json!({"patterns": [{"name": "id", "pattern": "^[0-9]{9}$"}]}), json!({"n": "123456789"}));
    check(json!({}), json!({"name": "C-V-V", "value": "987"}));
    check(json!({}), json!({"Name": "password", "Value": "x"}));
    check(json!({}), json!({"m": "LIKE '%4111111111111111%'"}));
}

#[test]
fn values_beside_the_names_of_secrets_go() {
    let mut fields = json!({"params": [{"name": "user", "value": "ana"}, {"name": "password", "value": ["x"]}], "key": "cvv"})
        .as_object()
        .unwrap()
        .clone();
    assert!(redactor().fields(&mut fields));
    let expected = json!({"params": [{"name": "user", "value": "ana"}, {"name": "password", "value": REDACTED}], "key": "cvv"});
    assert_eq!(Value::Object(fields), expected);
}

#[test]
fn tokens_depend_on_the_key() {
    assert_eq!(redactor().token("4111111111111111"), redactor().token("4111111111111111"));
    assert_ne!(redactor().token("4111111111111111"), Redactor::new(b"other").token("4111111111111111"));
    assert_eq!(redactor().token("4").len(), 2 * TOKEN_BYTES);
}

/// Digits with their check digit.
fn card() -> impl Strategy<Value = String> {
    ("(4[0-9]{14}|5[1-5][0-9]{13}|37[0-9]{12})").prop_map(|body| {
        let mut digits: Vec<u8> = body.bytes().map(|byte| byte - b'0').chain([0]).collect();
        let last = digits.len() - 1;
        digits[last] = (0..10)
            .find(|check| {
                digits[last] = *check;
                luhn(&digits)
            })
            .expect("one of ten is right");
        digits.iter().map(|digit| char::from(digit + b'0')).collect()
    })
}

proptest! {
    #[test]
    fn every_card_goes_however_it_is_spelt(card in card(), separator in "( |-|\\.|%20|)", before in "([a-z]{0,5}[ =:/\"]|)", after in "([ &,\"][a-z]{0,5}|)") {
        let groups: Vec<&str> = (0..card.len()).step_by(4).map(|i| &card[i..(i + 4).min(card.len())]).collect();
        let text = format!("{before}{}{after}", groups.join(&separator));
        let found = redactor().text(&text).into_owned();
        prop_assert!(found.contains(&masked(&card)), "{} gave {}", text, found);
        let digits: String = found.chars().filter(char::is_ascii_digit).collect();
        prop_assert!(!digits.contains(&card));
    }

    #[test]
    fn numbers_without_the_check_digit_stay(digits in "[0-9]{13,19}") {
        let values: Vec<u8> = digits.bytes().map(|byte| byte - b'0').collect();
        prop_assume!(!luhn(&values));
        let redactor = redactor();
        let text = redactor.text(&digits);
        prop_assert!(matches!(text, Cow::Borrowed(_)), "{}", digits);
    }

    #[test]
    fn a_secret_goes_between_whatever_else(
        before in "([a-z0-9 =&?%\"'<>{}\\[\\]:;,/.é@-]{0,3}|%20|%22|\\\\\"|pwd=|token=|cvv: ){0,6}",
        name in "(db_|x-|my\\.)?(pwd|PASSWORD|Passwd|secret|cvv2|api_key|access_token)",
        sign in "( {0,3}[=:] {0,3}|\": ?\"|=\"|%3D|: \\[\"|\\\\\":\\\\\"|=>'|:\n  )",
        after in "( |&|\"|'|\"\\]|%26|,x=)[a-z0-9 =&?%\"'é]{0,20}",
    ) {
        let text = format!("{before} {name}{sign}s3cr3t9x{after}");
        let found = redactor().text(&text).into_owned();
        prop_assert!(!found.contains("s3cr3t9x"), "{} gave {}", text, found);
        let Value::Object(mut fields) = json!({"a": text.clone()}) else { unreachable!() };
        prop_assert!(!redactor().is_clean(Value::Object(fields.clone()).to_string().as_bytes()), "{}", text);
        prop_assert!(redactor().fields(&mut fields), "{}", text);
    }


}

#[test]
fn a_line_of_cards_costs_no_more_than_its_length() {
    // Looking at the rest of the line again for each card took minutes.
    let line = "4111111111111111 ".repeat(60_000);
    let masked = redactor().text(&line).into_owned();
    assert!(!masked.contains("4111111111111111"));
    assert_eq!(masked.matches(":1111 ").count(), 60_000);
}

/// Floats of so many digits do not say which number was written, but the text that is kept beside them would.
#[test]
fn numbers_too_long_for_a_float_leave_nothing_of_a_card() {
    let check = |text: &str, expected: Value| {
        let Value::Object(fields) = serde_json::from_str(&format!("{{\"n\": {text}}}")).unwrap() else {
            unreachable!()
        };
        let mut event = Event { fields, ..Event::default() };
        event.metadata.raw = Some(text.to_owned().into());
        let changed = redactor().redact(&mut event);
        assert_eq!(event.fields["n"], expected, "{text}");
        assert_eq!(event.metadata.raw.is_none(), changed, "{text}");
    };
    check("6304000000000000000.0", json!(REDACTED));
    check("4111111111111111110e0", json!(REDACTED));
    check("9792030000000000.0", json!(REDACTED));
    check("4111111111111111110", json!(masked("4111111111111111110")));
    // Times in nanoseconds, and what no card is as long as.
    check("1700000000000000000.0", json!(1_700_000_000_000_000_000.0));
    check("41111111111111111110", json!(41_111_111_111_111_111_110.0));
    check("4.5e30", json!(4.5e30));
}

fn is_changed(document: &str) -> bool {
    let fields = serde_json::from_str(document).expect(document);
    redactor().redact(&mut Event { fields, ..Event::default() })
}

#[test]
fn clean_documents_are_known_by_their_text() {
    let clean = |document: &str| {
        assert!(redactor().is_clean(document.as_bytes()) && !is_changed(document), "{document}");
    };
    clean("{}");
    clean(r#"{"a":1,"b":{"a":[1.5,-2,null,true,{"a":"x"}]},"message":"GET /cart 200"}"#);
    clean(r#"{"card":{"country":"FR"},"number":"12","url":"https://shop.example/a@b"}"#);
    clean(r#"{"t":1700000000000,"s":"\u00e9 \\ \" x"}"#);
    let dirty = |document: &str| {
        assert!(!redactor().is_clean(document.as_bytes()) && is_changed(document), "{document}");
    };
    dirty(r#"{"a":["4111111111111111"]}"#);
    dirty(r#"{"a":4111111111111111}"#);
    dirty(r#"{"a":-4111111111111111.0}"#);
    dirty(r#"{"4111111111111111":{}}"#);
    dirty(r#"{"a":"\u0034111111111111111"}"#);
    dirty(r#"{"a":{"user_password":"x"}}"#);
    dirty(r#"{"a":{"user_p\u0061ssword":"x"}}"#);
    dirty(r#"{"a":"pwd=x"}"#);
    dirty(r#"{"a":"\u0070wd=x"}"#);
    dirty(r#"{"a":"ftp:\/\/a:b@c"}"#);
    dirty(r#"{"a":"ftp://a:b@c"}"#);
    dirty(r#"{"card":[{"number":"12"}]}"#);
    for odd in [
        "",
        " {}",
        "[]",
        "1",
        "{",
        "{} {}",
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":1,"\u0062":1}}"#,
        &format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200)),
    ] {
        assert!(!redactor().is_clean(odd.as_bytes()), "{odd}");
    }
}

proptest! {
    #[test]
    fn what_is_clean_by_its_text_is_clean(
        members in prop::collection::vec(
            ("card|number|cvv|a|[a-z_]{1,8}|[0-9]{13,16}", "[0-9 .é%\\-a-c=:&\"\\\\]{0,40}|4111 1111 1111 1111|pwd=x|\\PC{0,8}", any::<i64>()),
            0..6,
        ),
    ) {
        let members: serde_json::Map<String, Value> =
            members.into_iter().map(|(name, text, number)| (name, json!([text, {"card": {"n": number}, "x": text}]))).collect();
        let document = Value::Object(members).to_string();
        // What is the name of a secret is looked at as a document: a value may stand beside it.
        prop_assert!(!redactor().is_clean(document.as_bytes()) || !is_changed(&document), "{}", document);
    }
}
