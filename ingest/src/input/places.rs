//! How many connections one address may have.

use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

/// Of an IPv6 address what names its network: whoever has one address of 64 bits has them all.
const NETWORK_BITS: u128 = !0 << 64;

/// The connections of an input by where they come from.
pub(super) struct Places {
    per_address: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place, free again when dropped.
pub(super) struct Place {
    client: IpAddr,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    pub(super) fn new(per_address: usize) -> Self {
        Self { per_address, taken: Arc::default() }
    }

    /// A place for one more connection; `None`: that address, or its network of 64 bits, has its share.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let client = match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_BITS).into(),
            address => address,
        };
        let mut taken = self.taken.lock();
        let count = taken.entry(client).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { client, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share() {
        let places = Places::new(1);
        let take = |address: &str| places.take(address.parse().unwrap());
        let first = take("192.0.2.1").unwrap();
        assert!(take("192.0.2.1").is_none());
        assert!(take("::ffff:192.0.2.1").is_none());
        let _network = [take("192.0.2.2").unwrap(), take("2001:db8::1").unwrap()];
        assert!(take("2001:db8::2").is_none(), "one network of 64 bits is one client");
        assert!(take("2001:db8:0:1::1").is_some());
        drop(first);
        assert!(take("192.0.2.1").is_some());
    }
}
