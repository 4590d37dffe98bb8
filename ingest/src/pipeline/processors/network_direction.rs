//! `network_direction`: whether a connection stays inside the own networks, leaves them, comes in or passes by.

use super::super::document::{Field, wrong_type};
use super::community_id::address;
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use expression::{Escape, Template};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

enum Networks {
    /// Named or given as CIDR ranges; templates may fill them in.
    Given(Vec<Template>),
    /// A list of them in the document.
    Field(Field),
}

struct NetworkDirection {
    source_ip: Field,
    destination_ip: Field,
    target: Field,
    networks: Networks,
    ignore_missing: bool,
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let key = "internal_networks";
    let (given, field) = (options.optional_texts(key)?, options.optional_field("internal_networks_field")?);
    let networks = match (given, field) {
        (Some(given), None) => {
            let compile = |text: &String| {
                if !Template::is_template(text) && !is_network(text) {
                    return Err(
                        options.error(key, format!("\"{text}\" is no name of a network and no CIDR range"))
                    );
                }
                Template::parse(text).map_err(|e| options.error(key, e.to_string()))
            };
            Networks::Given(given.iter().map(compile).collect::<Result<_, _>>()?)
        }
        (None, Some(field)) => Networks::Field(field),
        (None, None) => return Err(options.error(key, "or [internal_networks_field] must be specified")),
        (Some(_), Some(_)) => {
            let reason = "and [internal_networks_field] cannot both be used in the same processor";
            return Err(options.error(key, reason));
        }
    };
    Ok(Box::new(NetworkDirection {
        source_ip: options.field_or("source_ip", "source.ip")?,
        destination_ip: options.field_or("destination_ip", "destination.ip")?,
        target: options.field_or("target_field", "network.direction")?,
        networks,
        ignore_missing: options.boolean("ignore_missing", true)?,
    }))
}

impl Processor for NetworkDirection {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        match self.direction(document)? {
            Some(direction) => document.set(&self.target, Value::from(direction))?,
            None if self.ignore_missing => {}
            None => return Err(Failure::argument("unable to calculate network direction from document")),
        }
        Ok(Flow::Continue)
    }
}

impl NetworkDirection {
    fn direction(&self, document: &Document<'_>) -> Result<Option<&'static str>, Failure> {
        let Some(networks) = self.networks(document)? else { return Ok(None) };
        let Some(source) = document.text(&self.source_ip, self.ignore_missing)? else { return Ok(None) };
        let Some(destination) = document.text(&self.destination_ip, self.ignore_missing)? else {
            return Ok(None);
        };
        let internal = |text: &str| -> Result<bool, Failure> {
            let address = address(text)?;
            for network in &networks {
                if contains(network, address)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok(Some(match (internal(&source)?, internal(&destination)?) {
            (true, true) => "internal",
            (true, false) => "outbound",
            (false, true) => "inbound",
            (false, false) => "external",
        }))
    }

    fn networks(&self, document: &Document<'_>) -> Result<Option<Vec<String>>, Failure> {
        let field = match &self.networks {
            Networks::Given(templates) => {
                let networks = templates.iter().map(|template| template.render(document, Escape::None));
                return Ok(Some(networks.collect()));
            }
            Networks::Field(field) => field,
        };
        let value = match document.get(field) {
            None if self.ignore_missing => return Ok(None),
            None => document.require(field)?,
            Some(value) => value,
        };
        match &*value {
            Value::Null => Ok(None),
            Value::Array(items) => {
                let networks = items.iter().map(|item| match item {
                    Value::String(network) => Ok(network.clone()),
                    other => Err(wrong_type(field, other, "java.lang.String")),
                });
                networks.collect::<Result<_, _>>().map(Some)
            }
            other => Err(wrong_type(field, other, "java.util.ArrayList")),
        }
    }
}

/// Whether a text names a network or is a CIDR range.
fn is_network(text: &str) -> bool {
    contains(text, IpAddr::V4(Ipv4Addr::UNSPECIFIED)).is_ok()
}

/// Whether an address is in a network.
///
/// # Errors
/// The network is neither a known name nor a CIDR range.
fn contains(network: &str, address: IpAddr) -> Result<bool, Failure> {
    Ok(match network {
        "loopback" => address.is_loopback(),
        "global_unicast" | "unicast" => {
            address != IpAddr::V4(Ipv4Addr::BROADCAST)
                && !address.is_unspecified()
                && !address.is_loopback()
                && !address.is_multicast()
                && !is_link_local(address)
        }
        "link_local_unicast" => is_link_local(address),
        "interface_local_multicast" => matches!(address, IpAddr::V6(v6) if multicast_scope(v6) == Some(1)),
        "link_local_multicast" => is_link_local_multicast(address),
        "multicast" => address.is_multicast(),
        "unspecified" => address.is_unspecified(),
        "private" => is_private(address),
        "public" => {
            !(is_private(address)
                || address.is_loopback()
                || address.is_unspecified()
                || is_link_local(address)
                || is_link_local_multicast(address)
                || matches!(address, IpAddr::V6(v6) if multicast_scope(v6) == Some(1))
                || address == IpAddr::V4(Ipv4Addr::BROADCAST))
        }
        range => in_range(range, address)
            .ok_or_else(|| Failure::argument(format!("'{range}' is not an IP string literal.")))?,
    })
}

/// Whether an address is in `<address>/<bits>`; `None`: that is no such range.
fn in_range(range: &str, address: IpAddr) -> Option<bool> {
    let (network, bits) = range.split_once('/')?;
    let (network, bits): (IpAddr, u32) = (network.parse().ok()?, bits.parse().ok()?);
    Some(match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32u32.checked_sub(bits)?;
            let prefix = |address: Ipv4Addr| u32::from(address).checked_shr(shift).unwrap_or(0);
            prefix(network) == prefix(address)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128u32.checked_sub(bits)?;
            let prefix = |address: Ipv6Addr| u128::from(address).checked_shr(shift).unwrap_or(0);
            prefix(network) == prefix(address)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => return (bits <= 32).then_some(false),
        (IpAddr::V6(_), IpAddr::V4(_)) => return (bits <= 128).then_some(false),
    })
}

/// RFC 1918, and the half of RFC 4193 that is in use.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.octets().first() == Some(&0xfd),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets().starts_with(&[224, 0, 0]),
        IpAddr::V6(address) => multicast_scope(address) == Some(2),
    }
}

/// The scope of a multicast address (RFC 4291, section 2.7).
fn multicast_scope(address: Ipv6Addr) -> Option<u8> {
    let [first, second, ..] = address.octets();
    (first == 0xff).then_some(second & 0x0f)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run};
    use serde_json::{Value, json};

    fn direction(networks: Value, source: &str, destination: &str) -> Value {
        let document =
            json!({"source": {"ip": source}, "destination": {"ip": destination}, "net": "10.0.0.0/8"});
        run("network_direction", json!({"internal_networks": networks}), document).unwrap()["network"]["direction"].clone()
    }

    #[test]
    fn directions() {
        let check = |networks: Value, source: &str, destination: &str, expected: &str| {
            assert_eq!(
                direction(networks.clone(), source, destination),
                expected,
                "{networks} {source} {destination}"
            );
        };
        check(json!(["private"]), "10.0.1.1", "192.168.1.2", "internal");
        check(json!(["private"]), "10.0.1.1", "8.8.8.8", "outbound");
        check(json!(["private"]), "8.8.8.8", "fd12::1", "inbound");
        check(json!(["private"]), "8.8.8.8", "2001:db8::1", "external");
        check(json!("{{net}}"), "10.9.9.9", "11.0.0.1", "outbound");
        check(json!(["10.0.0.0/8", "2001:db8::/32"]), "2001:db8:1::1", "10.1.1.1", "internal");
        check(json!(["0.0.0.0/0"]), "1.2.3.4", "::1", "outbound");
        check(json!(["1.2.3.4/32"]), "1.2.3.4", "1.2.3.5", "outbound");
    }

    #[test]
    fn named_networks() {
        let check = |name: &str, inside: &[&str], outside: &[&str]| {
            for address in inside {
                assert_eq!(direction(json!([name]), address, address), "internal", "{name} {address}");
            }
            for address in outside {
                assert_eq!(direction(json!([name]), address, address), "external", "{name} {address}");
            }
        };
        check("loopback", &["127.0.0.1", "::1"], &["10.0.0.1"]);
        check(
            "unicast",
            &["8.8.8.8", "10.0.0.1"],
            &["255.255.255.255", "127.0.0.1", "224.0.0.1", "169.254.1.1", "0.0.0.0"],
        );
        check("link_local_unicast", &["169.254.1.1", "fe80::1"], &["10.0.0.1"]);
        check("interface_local_multicast", &["ff01::1"], &["ff02::1", "224.0.0.1"]);
        check("link_local_multicast", &["224.0.0.1", "ff02::1"], &["224.0.1.1", "ff01::1"]);
        check("multicast", &["224.0.1.1", "ff05::1"], &["8.8.8.8"]);
        check("unspecified", &["0.0.0.0", "::"], &["8.8.8.8"]);
        check("private", &["172.16.0.1", "172.31.9.9", "fd00::1"], &["172.32.0.1", "fc00::1", "8.8.8.8"]);
        check("public", &["8.8.8.8", "2001:db8::1"], &["10.0.0.1", "::1", "fe80::1", "255.255.255.255"]);
    }

    #[test]
    fn networks_come_from_a_field_too() {
        let options = json!({"internal_networks_field": "nets", "target_field": "d"});
        let document =
            json!({"source": {"ip": "10.0.0.1"}, "destination": {"ip": "8.8.8.8"}, "nets": ["10.0.0.0/8"]});
        assert_eq!(run("network_direction", options.clone(), document).unwrap()["d"], "outbound");
        assert_eq!(run("network_direction", options, json!({})), Ok(json!({})));
        let place = "pipeline \"test\", processor 1 (network_direction), key \"internal_networks\"";
        check_fails("network_direction", json!({}), json!({}), place);
        check_fails("network_direction", json!({"internal_networks": ["10.0.0.0/33"]}), json!({}), place);
        check_fails(
            "network_direction",
            json!({"internal_networks": ["private"], "ignore_missing": false}),
            json!({}),
            "field [source] not present",
        );
    }
}
