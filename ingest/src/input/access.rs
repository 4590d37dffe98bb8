//! Who may send to an input.

use ipnet::IpNet;
use std::net::IpAddr;

/// Loopback, private, link-local: who sends from there when nothing is said. Plain inputs ask for no credentials, so whoever
/// is farther away must be named.
const DEFAULT: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// Networks that may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access(Vec<IpNet>);

impl Access {
    /// Reads networks (`10.0.0.0/8`) and addresses; the error names what is neither.
    pub(super) fn new(allow: Option<&[String]>) -> Result<Self, String> {
        let read = |text: &str| {
            text.parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("allow: cannot read a network such as \"10.0.0.0/8\" from {text:?}"))
        };
        let networks: Result<Vec<_>, _> = match allow {
            Some(allow) => allow.iter().map(|text| read(text)).collect(),
            None => DEFAULT.into_iter().map(read).collect(),
        };
        networks.map(Self)
    }

    /// Whether that address may send.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_is_named_may_send() {
        let check = |allow: Option<&[&str]>, address: &str, expected: bool| {
            let allow: Option<Vec<String>> =
                allow.map(|allow| allow.iter().map(|s| (*s).to_owned()).collect());
            let access = Access::new(allow.as_deref()).unwrap();
            assert_eq!(access.allows(address.parse().unwrap()), expected, "{allow:?} {address}");
        };
        for near in
            ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "::1", "fd00::1", "::ffff:127.0.0.1"]
        {
            check(None, near, true);
        }
        for far in ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            check(None, far, false);
        }
        check(Some(&["8.8.0.0/16"]), "8.8.8.8", true);
        check(Some(&["8.8.0.0/16"]), "127.0.0.1", false);
        check(Some(&["8.8.8.8", "2001:db8::/32"]), "2001:db8::7", true);
        check(Some(&[]), "127.0.0.1", false);
        assert!(Access::new(Some(&["everywhere".to_owned()])).unwrap_err().contains("\"everywhere\""));
    }
}
