//! How many connections there may be, of all clients and of one.

use super::ConnectionLimits;
use crate::frame::address::ClientAddress;
use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one listener.
pub(super) struct Room {
    places: Arc<Semaphore>,
    per_address: usize,
    proxies: Vec<IpAddr>,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

/// A connection's place, free again when dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    counted: Option<Counted>,
}

struct Counted {
    client: String,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

impl Room {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.total)),
            per_address: limits.per_address,
            proxies: limits.proxies.iter().map(IpAddr::to_canonical).collect(),
            taken: Arc::default(),
        }
    }

    /// Waits until there is a place for one more connection.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Takes the place for a client at this address; `None` if it has its share already.
    pub(super) fn enter(&self, permit: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        if self.proxies.contains(&address.to_canonical()) {
            return Some(Place { _permit: permit, counted: None });
        }
        let client = ClientAddress(Some(address)).bucket();
        let mut taken = self.taken.lock();
        let count = taken.entry(client.clone()).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        let counted = Counted { client, taken: self.taken.clone() };
        Some(Place { _permit: permit, counted: Some(counted) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(counted) = self.counted.take() else { return };
        let mut taken = counted.taken.lock();
        if let Some(count) = taken.get_mut(&counted.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&counted.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_has_its_share_and_a_proxy_has_none() {
        let proxies = vec!["10.0.0.1".parse().unwrap()];
        let room = Room::new(&ConnectionLimits { per_address: 1, proxies, ..ConnectionLimits::default() });
        let enter = async |address: &str| room.enter(room.wait().await?, address.parse().unwrap());
        let first = enter("8.8.8.8").await.unwrap();
        assert!(enter("8.8.8.8").await.is_none());
        assert!(enter("8.8.4.4").await.is_some());
        let _network = enter("2001:db8::1").await.unwrap();
        assert!(enter("2001:db8::2").await.is_none(), "one network of 64 bits is one client");
        let _proxied = [enter("10.0.0.1").await.unwrap(), enter("::ffff:10.0.0.1").await.unwrap()];
        drop(first);
        assert!(enter("8.8.8.8").await.is_some());
    }
}
