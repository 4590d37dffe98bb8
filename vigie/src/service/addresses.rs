use ingest::input::InputAddress;
use std::{fmt, io};
use tokio::net::TcpListener;

/// Where the service can be reached. Shown as the line that programs wait for.
pub(crate) struct Addresses {
    pub(crate) http: String,
    pub(crate) elastic: Option<String>,
    pub(crate) inputs: Vec<InputAddress>,
}

impl Addresses {
    pub(super) fn of(
        http: &TcpListener,
        elastic: Option<&TcpListener>,
        inputs: Vec<InputAddress>,
    ) -> io::Result<Self> {
        let url = |listener: &TcpListener| Ok::<_, io::Error>(format!("http://{}", listener.local_addr()?));
        Ok(Self { http: url(http)?, elastic: elastic.map(url).transpose()?, inputs })
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listening http={} elastic={}", self.http, self.elastic.as_deref().unwrap_or("off"))?;
        self.inputs.iter().try_for_each(|input| write!(f, " {input}"))
    }
}
