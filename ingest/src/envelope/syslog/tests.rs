use super::*;
use proptest::prelude::*;
use serde_json::json;

const RECEIVED: &str = "2026-11-21T12:00:00Z";

fn read_in<'a>(text: &'a str, zone: &str) -> Message<'a> {
    let zone = TimeZone::get(zone).or_else(|_| TimeZone::posix(zone)).unwrap();
    parse(text.as_bytes(), RECEIVED.parse().unwrap(), &zone)
}

/// Priority, version, time, host, program, process, kind; then elements and text.
fn check(text: &str, head: [&str; 7], data: Value, message: &str) {
    let found = read_in(text, "UTC");
    let part = |part: &Option<Cow<'_, str>>| part.as_deref().unwrap_or("-").to_owned();
    let shown = [
        found.priority.map_or("-".into(), |priority| priority.to_string()),
        found.version.map_or("-".into(), |version| version.to_string()),
        found.time.map_or("-".into(), |at| at.to_string()),
        part(&found.hostname),
        part(&found.appname),
        part(&found.procid),
        part(&found.msgid),
    ];
    assert_eq!(shown, head, "{text}");
    assert_eq!(Value::Object(found.structured_data.clone()), data, "{text}");
    assert_eq!(found.text, message, "{text}");
    assert!(!found.malformed, "{text}");
}

#[test]
fn the_examples_of_rfc_5424_are_read() {
    check(
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed for lonvick on /dev/pts/8",
        ["34", "1", "2003-10-11T22:14:15.003Z", "mymachine.example.com", "su", "-", "ID47"],
        json!({}),
        "'su root' failed for lonvick on /dev/pts/8",
    );
    check(
        "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
        ["165", "1", "2003-08-24T12:14:15.000003Z", "192.0.2.1", "myproc", "8710", "-"],
        json!({}),
        "%% It's time to make the do-nuts.",
    );
    check(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"] \u{feff}An application event log entry...",
        ["165", "1", "2003-10-11T22:14:15.003Z", "mymachine.example.com", "evntslog", "-", "ID47"],
        json!({"exampleSDID@32473": {"iut": "3", "eventSource": "Application", "eventID": "1011"}}),
        "An application event log entry...",
    );
    check(
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"][examplePriority@32473 class=\"high\"]",
        ["165", "1", "2003-10-11T22:14:15.003Z", "mymachine.example.com", "evntslog", "-", "ID47"],
        json!({"exampleSDID@32473": {"iut": "3", "eventSource": "Application", "eventID": "1011"},
            "examplePriority@32473": {"class": "high"}}),
        "",
    );
}

#[test]
fn structured_data_may_hold_anything() {
    let read = |data: &str| {
        let text = format!("<13>1 - - - - - {data}");
        let found = read_in(&text, "UTC");
        (Value::Object(found.structured_data.clone()), found.text.into_owned())
    };
    let quoted = (json!({"a": {"b": "x\"]\\ \\n"}}), "text".to_owned());
    assert_eq!(read(r#"[a b="x\"\]\\ \n"] text"#), quoted);
    assert_eq!(read("[a]"), (json!({"a": {}}), String::new()));
    // RFC 5424, 7.2: `ip` may come again and again.
    assert_eq!(
        read(r#"[origin ip="192.0.2.1" ip="192.0.2.129" ip="x"]"#).0,
        json!({"origin": {"ip": ["192.0.2.1", "192.0.2.129", "x"]}})
    );
    let many: String = (0..1_000).map(|n| format!("p{n}=\"{n}\" ")).collect();
    assert_eq!(read(&format!("[a {many}] t")).0["a"].as_object().unwrap().len(), 199);
    // Not of this form: all of it is the text.
    for odd in ["[a b=\"c] text", "[a b=c] text", "text", "[a]text", "[ b=\"c\"]"] {
        assert_eq!(read(odd).0, json!({}), "{odd}");
    }
}

#[test]
fn the_examples_of_rfc_3164_are_read() {
    check(
        "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        ["34", "-", "2026-10-11T22:14:15Z", "mymachine", "su", "-", "-"],
        json!({}),
        "'su root' failed for lonvick on /dev/pts/8",
    );
    check(
        "<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!",
        ["13", "-", "2027-02-05T17:32:18Z", "10.0.0.99", "-", "-", "-"],
        json!({}),
        "Use the BFG!",
    );
    check(
        "<0>1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
        ["0", "-", "-", "-", "-", "-", "-"],
        json!({}),
        "1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!",
    );
}

#[test]
fn real_senders_are_understood() {
    let at = "2026-11-21T11:59:58Z";
    let bare = |text: &str, head: [&str; 7], message: &str| check(text, head, json!({}), message);
    // nginx, and the same out of a container without a name of its host.
    bare(
        "<190>Nov 21 11:59:58 web1 nginx: 1.2.3.4 - - [21/Nov/2026:11:59:58 +0000] \"GET / HTTP/1.1\" 200 5",
        ["190", "-", at, "web1", "nginx", "-", "-"],
        "1.2.3.4 - - [21/Nov/2026:11:59:58 +0000] \"GET / HTTP/1.1\" 200 5",
    );
    bare("<190>Nov 21 11:59:58 nginx: up", ["190", "-", at, "-", "nginx", "-", "-"], "up");
    // haproxy, postfix, cron, the kernel.
    bare(
        "<134>Nov 21 11:59:58 lb haproxy[14389]: 10.0.1.2:33317 http-in",
        ["134", "-", at, "lb", "haproxy", "14389", "-"],
        "10.0.1.2:33317 http-in",
    );
    bare(
        "<22>Nov 21 11:59:58 mx postfix/smtpd[123]: connect from x[1.2.3.4]",
        ["22", "-", at, "mx", "postfix/smtpd", "123", "-"],
        "connect from x[1.2.3.4]",
    );
    bare(
        "<78>Nov 21 11:59:58 web1 CRON[99]: (root) CMD (run)",
        ["78", "-", at, "web1", "CRON", "99", "-"],
        "(root) CMD (run)",
    );
    bare(
        "<6>Nov 21 11:59:58 web1 kernel: [ 12.3] eth0: up",
        ["6", "-", at, "web1", "kernel", "-", "-"],
        "[ 12.3] eth0: up",
    );
    // rsyslog's forwarding format, and with the zone left away.
    bare(
        "<30>2026-11-21T12:59:58.123456+01:00 web1 app[7]: text",
        ["30", "-", "2026-11-21T11:59:58.123456Z", "web1", "app", "7", "-"],
        "text",
    );
    bare("<30>2026-11-21T11:59:58 web1 app: text", ["30", "-", at, "web1", "app", "-", "-"], "text");
    // Without time: what daemons write to their own machine's socket.
    bare("<86>sshd[12]: session opened", ["86", "-", "-", "-", "sshd", "12", "-"], "session opened");
    bare("<13>just a text", ["13", "-", "-", "-", "-", "-", "-"], "just a text");
    bare("<13>{\"level\":\"info\"}", ["13", "-", "-", "-", "-", "-", "-"], "{\"level\":\"info\"}");
    // Cisco: numbers, a time that is not synchronised, a zone, a year behind.
    bare(
        "<189>123: *Nov 21 11:59:58.483 UTC: %SYS-5-CONFIG_I: Configured",
        ["189", "-", "2026-11-21T11:59:58.483Z", "-", "%SYS-5-CONFIG_I", "-", "-"],
        "Configured",
    );
    bare(
        "<166>Nov 21 2026 11:59:58 fw1 : %ASA-6-302013: Built",
        ["166", "-", at, "fw1", "%ASA-6-302013", "-", "-"],
        "Built",
    );
    bare(
        "<166>Nov 21 2025 11:59:58: %ASA-6-302013: Built",
        ["166", "-", "2025-11-21T11:59:58Z", "-", "%ASA-6-302013", "-", "-"],
        "Built",
    );
    bare(
        "<13>Nov 21 11:59:58 2025 host app: x",
        ["13", "-", "2025-11-21T11:59:58Z", "host", "app", "-", "-"],
        "x",
    );
    // JSON behind a header.
    bare("<134>Nov 21 11:59:58 web1 {\"a\": 1}", ["134", "-", at, "web1", "-", "-", "-"], "{\"a\": 1}");
    bare(
        "<134>Nov 21 11:59:58 web1 shop: {\"a\": 1}",
        ["134", "-", at, "web1", "shop", "-", "-"],
        "{\"a\": 1}",
    );
    // A relay that left the priority away; a line end inside of the frame.
    bare("Nov 21 11:59:58 web1 app[1]: text\r\n", ["-", "-", at, "web1", "app", "1", "-"], "text");
    bare("<13>1 2026-11-21T11:59:58Z web1 app - -", ["13", "1", at, "web1", "app", "-", "-"], "");
}

#[test]
fn the_year_is_the_one_that_is_nearest() {
    let check = |text: &str, received: &str, zone: &str, expected: &str| {
        let zone = TimeZone::get(zone).unwrap();
        let found = parse(text.as_bytes(), received.parse().unwrap(), &zone);
        assert_eq!(found.time, Some(expected.parse().unwrap()), "{text} at {received}");
    };
    check("<13>Dec 31 23:59:59 h a: x", "2027-01-01T00:00:03Z", "UTC", "2026-12-31T23:59:59Z");
    check("<13>Jan  1 00:00:01 h a: x", "2026-12-31T23:59:58Z", "UTC", "2027-01-01T00:00:01Z");
    check("<13>Feb 29 10:00:00 h a: x", "2028-03-01T00:00:00Z", "UTC", "2028-02-29T10:00:00Z");
    check("<13>Nov 21 13:00:00 h a: x", RECEIVED, "Europe/Paris", "2026-11-21T12:00:00Z");
    check("<13>Jan 01 00:30:00 h a: x", "2026-12-31T23:40:00Z", "Europe/Paris", "2026-12-31T23:30:00Z");
    check("<13>Jul  1 13:00:00 2026 h a: x", RECEIVED, "Europe/Paris", "2026-07-01T11:00:00Z");
    assert_eq!(read_in("<13>Feb 30 10:00:00 h a: x", "UTC").time, None);
}

#[test]
fn priorities_have_bounds() {
    let priority = |text: &str| (read_in(text, "UTC").priority, read_in(text, "UTC").malformed);
    assert_eq!(priority("<0>x: y"), (Some(0), false));
    assert_eq!(priority("<191>x: y"), (Some(191), false));
    assert_eq!(priority("<013>x: y"), (Some(13), false));
    for bad in ["<192>x", "<>x", "<1234>x", "<-1>x", "<+1>x", "<1x", "x", ""] {
        assert_eq!(priority(bad), (None, true), "{bad}");
    }
}

#[test]
fn an_event_says_what_the_header_says_and_its_pipeline_did_not() {
    let text = "<27>1 2026-11-21T11:59:58Z web1 shop 42 ORDER [a b=\"c\"] text";
    let message = read_in(text, "UTC");
    let fields = json!({"message": "text", "process": {"name": "mine"}, "log": {"level": "warning"}});
    let mut event = Event::new(serde_json::from_value(fields).unwrap(), event::Origin::Request);
    message.complete(&mut event, text.as_bytes());
    let expected = json!({
        "message": "text",
        "process": {"name": "mine", "pid": 42},
        "log": {
            "level": "warning",
            "syslog": {
                "priority": 27,
                "facility": {"code": 3, "name": "daemon"},
                "severity": {"code": 3, "name": "Error"},
                "version": "1",
                "hostname": "web1", "appname": "shop", "procid": "42", "msgid": "ORDER",
                "structured_data": {"a": {"b": "c"}},
            },
        },
        "host": {"hostname": "web1", "name": "web1"},
        "event": {"original": text},
        "@timestamp": "2026-11-21T11:59:58.000Z",
    });
    assert_eq!(Value::Object(event.fields), expected);
}

#[test]
fn what_is_no_syslog_is_a_text_with_a_tag() {
    // RFC 3164, 4.3.3: user-level, notice.
    let text = "Use the BFG!";
    let message = read_in(text, "UTC");
    let mut event = Event::default();
    message.complete(&mut event, text.as_bytes());
    assert_eq!((message.malformed, &*message.text), (true, text));
    assert_eq!(event.fields["tags"], json!(["_malformed_syslog"]));
    assert_eq!(event.fields["log"]["level"], "notice");
}

proptest! {
    #[test]
    fn any_bytes_are_a_message(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, RECEIVED.parse().unwrap(), &TimeZone::UTC);
    }

    #[test]
    fn anything_that_begins_like_syslog_is_a_message(text in "<[0-9]{1,3}>(1 |)[-0-9A-Za-z:.\\[\\]=\" é]{0,80}") {
        let _ = parse(text.as_bytes(), RECEIVED.parse().unwrap(), &TimeZone::UTC);
    }

    #[test]
    fn what_is_written_by_rfc_5424_is_read(
        priority in 0u8..=191,
        millis in 0i64..4_000_000_000_000,
        (host, app, pid, id) in ("[!-,.-~][!-~]{0,20}", "[!-,.-~][!-~]{0,20}", "[0-9]{1,5}", "[A-Z]{1,8}"),
        value in "[ -~é]{0,30}",
        text in "[ -~é]{0,40}",
    ) {
        let at = Timestamp::from_millisecond(millis).unwrap();
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        let line = format!("<{priority}>1 {at} {host} {app} {pid} {id} [x@1 v=\"{quoted}\"] {text}");
        let found = parse(line.as_bytes(), RECEIVED.parse().unwrap(), &TimeZone::UTC);
        prop_assert_eq!(found.priority, Some(priority));
        prop_assert_eq!(found.time, Some(at));
        prop_assert_eq!(found.hostname.as_deref(), Some(&*host));
        prop_assert_eq!(found.appname.as_deref(), Some(&*app));
        prop_assert_eq!(found.procid.as_deref(), Some(&*pid));
        prop_assert_eq!(found.msgid.as_deref(), Some(&*id));
        prop_assert_eq!(&found.structured_data["x@1"]["v"], &json!(value));
        prop_assert_eq!(&*found.text, &*text);
    }
}
