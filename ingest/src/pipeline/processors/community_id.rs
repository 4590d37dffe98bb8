//! `community_id`: one short name for a network flow, the same in both directions.
//!
//! Source: Community ID Flow Hashing, version 1 (corelight/community-id-spec). Defaults and failures are those of
//! Elasticsearch's processor.

use super::super::document::Field;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use expression::display_text;
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use std::net::IpAddr;

struct CommunityId {
    source_ip: Field,
    source_port: Field,
    destination_ip: Field,
    destination_port: Field,
    iana_number: Field,
    transport: Field,
    icmp_type: Field,
    icmp_code: Field,
    target: Field,
    seed: u16,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let seed = options.optional_integer("seed")?.unwrap_or(0);
    let seed =
        u16::try_from(seed).map_err(|_| options.error("seed", "must be a value between 0 and 65535"))?;
    Ok(Box::new(CommunityId {
        source_ip: options.field_or("source_ip", "source.ip")?,
        source_port: options.field_or("source_port", "source.port")?,
        destination_ip: options.field_or("destination_ip", "destination.ip")?,
        destination_port: options.field_or("destination_port", "destination.port")?,
        iana_number: options.field_or("iana_number", "network.iana_number")?,
        transport: options.field_or("transport", "network.transport")?,
        icmp_type: options.field_or("icmp_type", "icmp.type")?,
        icmp_code: options.field_or("icmp_code", "icmp.code")?,
        target: options.field_or("target_field", "network.community_id")?,
        seed,
        ignore_missing: options.boolean("ignore_missing", true)?,
    }))
}

impl Processor for CommunityId {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        match self.conversation(document)? {
            Some(conversation) => {
                let id = conversation.id(self.seed);
                document.set(&self.target, Value::String(id))?;
            }
            None if self.ignore_missing => {}
            None => return Err(Failure::argument("unable to construct flow from document")),
        }
        Ok(Flow::Continue)
    }
}

impl CommunityId {
    /// What the document tells of the flow; `None`: not enough.
    fn conversation(&self, document: &Document<'_>) -> Result<Option<Conversation>, Failure> {
        let source = document.text(&self.source_ip, self.ignore_missing)?;
        let destination = document.text(&self.destination_ip, self.ignore_missing)?;
        let (Some(source), Some(destination)) = (source, destination) else { return Ok(None) };
        let (source, destination) = (address(&source)?, address(&destination)?);
        let there = |field: &Field| document.get(field).filter(|value| !value.is_null());
        let Some(protocol) = there(&self.iana_number).or_else(|| there(&self.transport)) else {
            return Ok(None);
        };
        let protocol = protocol_number(&protocol)?;
        let number = |field: &Field, name: &str| match there(field) {
            None => Ok(0),
            Some(value) => integer(&value).ok_or_else(|| {
                Failure::argument(format!("unable to parse {name} [{}]", display_text(&value)))
            }),
        };
        let port = |field: &Field, name: &str| {
            let port = number(field, name)?;
            u16::try_from(port).map_err(|_| Failure::argument(format!("invalid {name} [{port}]")))
        };
        let ends = match protocol {
            TCP | UDP | SCTP => {
                let source = port(&self.source_port, "source port")?;
                Some(Ends {
                    source,
                    destination: port(&self.destination_port, "destination port")?,
                    one_way: false,
                })
            }
            ICMP | ICMP6 => {
                let kind = number(&self.icmp_type, "icmp type")?;
                Some(Ends::of_icmp(protocol, kind, number(&self.icmp_code, "icmp code")?))
            }
            _ => None,
        };
        Ok(Some(Conversation { source, destination, protocol, ends }))
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// Protocols by the names that `network.transport` has for them.
const PROTOCOLS: [(&str, u8); 11] = [
    ("icmp", ICMP),
    ("igmp", 2),
    ("tcp", TCP),
    ("udp", UDP),
    ("gre", 47),
    ("ipv6-icmp", ICMP6),
    ("icmpv6", ICMP6),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("sctp", SCTP),
];

/// Types of ICMP messages that answer each other (RFC 792, 950, 1256), and those of ICMPv6 (RFC 4443, 4861, 2710).
const ICMP_PAIRS: [(u16, u16); 5] = [(8, 0), (13, 14), (15, 16), (10, 9), (17, 18)];
const ICMP6_PAIRS: [(u16, u16); 6] = [(128, 129), (133, 134), (135, 136), (130, 131), (144, 145), (139, 140)];

/// Ports, or what stands for them.
struct Ends {
    source: u16,
    destination: u16,
    /// There is no answer to such a message, so that direction counts.
    one_way: bool,
}

impl Ends {
    fn of_icmp(protocol: u8, kind: i64, code: i64) -> Self {
        let pairs: &[(u16, u16)] = if protocol == ICMP { &ICMP_PAIRS } else { &ICMP6_PAIRS };
        let low = |number: i64| u16::try_from(number & 0xffff).unwrap_or(0);
        let source = low(kind);
        let answer = pairs.iter().find_map(|(a, b)| match source {
            kind if kind == *a => Some(*b),
            kind if kind == *b => Some(*a),
            _ => None,
        });
        Self { source, destination: answer.unwrap_or_else(|| low(code)), one_way: answer.is_none() }
    }
}

/// A flow.
struct Conversation {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ends: Option<Ends>,
}

impl Conversation {
    /// Its name: the smaller end first.
    fn id(&self, seed: u16) -> String {
        let (source, destination) = (octets(self.source), octets(self.destination));
        let ports = self.ends.as_ref().map(|ends| (ends.source, ends.destination));
        let (from, to) = ports.unwrap_or_default();
        let one_way = self.ends.as_ref().is_some_and(|ends| ends.one_way);
        let keep = one_way || (&source, from) < (&destination, to);
        let ((first, first_port), (second, second_port)) =
            if keep { ((&source, from), (&destination, to)) } else { ((&destination, to), (&source, from)) };
        let mut hash = Sha1::new();
        hash.update(seed.to_be_bytes());
        hash.update(first);
        hash.update(second);
        hash.update([self.protocol, 0]);
        if ports.is_some() {
            hash.update(first_port.to_be_bytes());
            hash.update(second_port.to_be_bytes());
        }
        format!("1:{}", STANDARD.encode(hash.finalize()))
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

pub(super) fn address(text: &str) -> Result<IpAddr, Failure> {
    text.parse().map_err(|_| Failure::argument(format!("'{text}' is not an IP string literal.")))
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn protocol_number(value: &Value) -> Result<u8, Failure> {
    let fail = || {
        let text = display_text(value);
        Failure::argument(format!("could not convert string [{text}] to transport protocol"))
    };
    let named = value.as_str().and_then(|text| {
        PROTOCOLS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    });
    match named {
        Some(number) => Ok(number),
        None => integer(value).and_then(|number| u8::try_from(number).ok()).ok_or_else(fail),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check, check_fails, run};
    use serde_json::{Value, json};

    fn flow(source: &str, destination: &str, network: Value, ports: (u16, u16)) -> Value {
        json!({"source": {"ip": source, "port": ports.0}, "destination": {"ip": destination, "port": ports.1}, "network": network})
    }

    fn id(options: Value, document: Value) -> String {
        let document = run("community_id", options, document).unwrap();
        document["network"]["community_id"].as_str().unwrap_or("none").to_owned()
    }

    /// The baseline of the specification.
    #[test]
    fn ids_are_those_of_the_specification() {
        let check = |source: &str, destination: &str, transport: &str, ports: (u16, u16), expected: &str| {
            let document = flow(source, destination, json!({"transport": transport}), ports);
            assert_eq!(id(json!({}), document), expected, "{source} {destination} {transport}");
        };
        check("128.232.110.120", "66.35.250.204", "tcp", (34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        check("66.35.250.204", "128.232.110.120", "TCP", (80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        check("192.168.1.52", "8.8.8.8", "udp", (54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
        check("1.2.3.4", "5.6.7.8", "tcp", (1122, 3344), "1:wCb3OG7yAFWelaUydu0D+125CLM=");
        check("192.168.170.8", "192.168.170.56", "sctp", (7, 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=");
        check("1.2.3.4", "5.6.7.8", "udp", (1122, 3344), "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=");
    }

    #[test]
    fn icmp_has_types_for_ports() {
        let icmp = |source: &str, destination: &str, kind: i64, code: i64| {
            let mut document = flow(source, destination, json!({"transport": "icmp"}), (0, 0));
            document["icmp"] = json!({"type": kind, "code": code});
            id(json!({}), document)
        };
        // The baseline of the specification: echo and its answer.
        assert_eq!(icmp("192.168.0.89", "192.168.0.1", 8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        assert_eq!(icmp("192.168.0.1", "192.168.0.89", 0, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
        // No message answers "unreachable".
        assert_ne!(icmp("192.168.0.89", "192.168.0.1", 3, 3), icmp("192.168.0.1", "192.168.0.89", 3, 3));
    }

    #[test]
    fn protocols_have_names_or_numbers() {
        let of =
            |network: Value| id(json!({}), flow("128.232.110.120", "66.35.250.204", network, (34855, 80)));
        for network in [json!({"iana_number": 6}), json!({"iana_number": "6"}), json!({"transport": "6"})] {
            assert_eq!(of(network.clone()), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "{network}");
        }
        let document = flow("10.0.0.1", "10.0.0.2", json!({"transport": "gre"}), (1, 2));
        let portless = flow("10.0.0.2", "10.0.0.1", json!({"iana_number": 47}), (3, 4));
        assert_eq!(id(json!({}), document.clone()), id(json!({}), portless));
        assert_ne!(id(json!({}), document.clone()), id(json!({"seed": 1}), document));
    }

    #[test]
    fn says_what_is_wrong() {
        check("community_id", json!({}), json!({"a": 1}), json!({"a": 1}));
        let strict = json!({"ignore_missing": false});
        check_fails("community_id", strict, json!({}), "field [source] not present");
        let wrong =
            |document: Value, expected: &str| check_fails("community_id", json!({}), document, expected);
        wrong(flow("x", "10.0.0.1", json!({"transport": "tcp"}), (1, 1)), "'x' is not an IP string literal.");
        wrong(
            flow("10.0.0.1", "10.0.0.2", json!({"transport": "carrier pigeon"}), (1, 1)),
            "could not convert string [carrier pigeon] to transport protocol",
        );
        let mut document = flow("10.0.0.1", "10.0.0.2", json!({"transport": "tcp"}), (1, 1));
        document["source"]["port"] = json!(70_000);
        wrong(document.clone(), "invalid source port [70000]");
        document["source"]["port"] = json!("http");
        wrong(document, "unable to parse source port [http]");
        check_fails(
            "community_id",
            json!({"seed": 70_000}),
            json!({}),
            "pipeline \"test\", processor 1 (community_id), key \"seed\"",
        );
    }
}
