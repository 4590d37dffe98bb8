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
    check("4111\u{a0}1111\u{2009}1111\u{200b}1111", &visa);
    check("4111\u{2011}1111\u{2013}1111\u{202f}1111", &visa);
    check("pan4111111111111111", &format!("pan{visa}"));
    check("4111111111111111EUR", &format!("{visa}EUR"));
    check("card_4111111111111111_eur", &format!("card_{visa}_eur"));
    check("4111/1111/1111/1111", &visa);
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
    fn any_text_is_redacted_once(text in "[0-9 .é%\\-a-c=:&\"]{0,60}|.{0,40}") {
        let redactor = redactor();
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once).into_owned(), once);
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
        prop_assert_eq!(redactor().is_clean(document.as_bytes()), !is_changed(&document), "{}", document);
    }
}
