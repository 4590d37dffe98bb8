//! What pipelines know of the world: where addresses are, what user agents are.

mod countries;
mod geo;
mod user_agent;

pub use geo::{GeoDatabases, GeoError, GeoProperty};
pub use user_agent::UserAgents;

/// Databases and patterns that the enriching processors share.
pub struct Enrichment {
    geo: GeoDatabases,
    user_agents: UserAgents,
}

impl Enrichment {
    /// With the databases that are built in only.
    pub fn embedded() -> Self {
        Self::new(GeoDatabases::embedded())
    }

    /// With these databases.
    pub fn new(geo: GeoDatabases) -> Self {
        Self { geo, user_agents: UserAgents::default() }
    }

    /// Databases of addresses.
    pub fn geo(&self) -> &GeoDatabases {
        &self.geo
    }

    /// Patterns of user agents.
    pub fn user_agents(&self) -> &UserAgents {
        &self.user_agents
    }

    /// Expands and compiles what is otherwise made at first use (some hundred milliseconds of one core). Blocks:
    /// call it from a blocking thread while the service starts.
    pub fn warm(&self) {
        self.geo.warm();
        self.user_agents.warm();
    }
}
