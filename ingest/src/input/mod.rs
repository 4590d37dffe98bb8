//! Inputs over the network: syslog, lines and JSON over TCP, UDP and TLS, Lumberjack for Filebeat and Logstash.
//!
//! The way of the bytes: a connection's [`reader`](self) → frames → batch → [`Intake`], the same for all. A slow store makes a
//! slow input: nothing is read while a batch of the connection waits, and all inputs together hold no more bytes than their
//! budget. *Invariants*: what a protocol can acknowledge is acknowledged after it is durable; what was read becomes an event
//! or a dead letter; a datagram that must be dropped is counted.

mod access;
mod budget;
mod datagram;
mod delivery;
mod framing;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzzing;
mod listener;
mod lumberjack;
mod meters;
mod places;
mod reader;
mod settings;
mod stream;
mod tls;

use crate::{
    envelope::Envelope,
    intake::{Intake, PipelineChoice, Reception},
};
use access::Access;
use budget::Budget;
use jiff::tz::TimeZone;
use meters::Meters;
use places::Places;
pub use settings::{InputKind, InputSettings, Transport};
use std::{collections::HashSet, fmt, io, net::SocketAddr, sync::Arc};
use tls::Tls;
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Why an input cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A setting is wrong, or a file that it names.
    #[error("input {name:?}: {problem}")]
    Settings {
        /// Name of the input.
        name: String,
        /// What is wrong, in words.
        problem: String,
    },
    /// The port cannot be opened.
    #[error("input {name:?}: cannot listen on {transport} {address}; choose another address or port 0")]
    Listen {
        /// Name of the input.
        name: String,
        /// What it was to listen for.
        transport: Transport,
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Where an input listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputAddress {
    /// Name of the input.
    pub name: String,
    /// What it listens for.
    pub transport: Transport,
    /// Where, with the port that was picked for port 0.
    pub address: SocketAddr,
}

impl fmt::Display for InputAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input.{}={}://{}", self.name, self.transport, self.address)
    }
}

/// What all parts of an input know.
struct Input {
    name: Arc<str>,
    settings: InputSettings,
    access: Access,
    places: Places,
    zone: TimeZone,
    intake: Arc<Intake>,
    budget: Budget,
    meters: Arc<Meters>,
}

enum Port {
    Tcp(TcpListener, Option<Arc<Tls>>),
    Udp(UdpSocket),
}

/// Inputs whose ports are open. What comes waits until [`Inputs::run`].
pub struct Inputs {
    ports: Vec<(Arc<Input>, Port)>,
}

/// What is wrong with these settings; empty if nothing is. Opens nothing.
pub fn problems(settings: &[InputSettings]) -> Vec<String> {
    let mut names = HashSet::new();
    let mut problems = Vec::new();
    for settings in settings {
        let name = settings.name();
        let mut say = |problem: String| problems.push(format!("input {name:?}: {problem}"));
        settings.problems().into_iter().for_each(&mut say);
        if !names.insert(name.clone()) {
            say("another input has this name; give one of them another".to_owned());
        }
    }
    problems
}

/// What is wrong outside of the settings: files that cannot be read or do not hold what they must, and ports that somebody
/// else has, unless `ports` is `false`. Each port is opened for a moment.
pub fn obstacles(settings: &[InputSettings], ports: bool) -> Vec<String> {
    let mut obstacles = Vec::new();
    for settings in settings {
        let (name, transport, address) = (settings.name(), settings.transport, settings.listen);
        if let Err(problem) = Tls::open(settings) {
            obstacles.push(InputError::Settings { name: name.clone(), problem }.to_string());
        }
        let opened = match transport {
            _ if !ports => Ok(()),
            Transport::Tcp => std::net::TcpListener::bind(address).map(drop),
            Transport::Udp => std::net::UdpSocket::bind(address).map(drop),
        };
        if let Err(source) = opened {
            obstacles.push(format!("input {name:?}: cannot listen on {transport} {address}: {source}"));
        }
    }
    obstacles
}

impl Inputs {
    /// Opens the ports. `memory_bytes` is what all inputs together may hold of records on their way.
    ///
    /// # Errors
    /// The first input that cannot be opened.
    pub async fn bind(
        settings: &[InputSettings],
        intake: &Arc<Intake>,
        memory_bytes: usize,
    ) -> Result<Self, InputError> {
        let budget = Budget::new(memory_bytes);
        let mut ports = Vec::new();
        for settings in settings {
            let name = settings.name();
            let wrong = |problem: String| InputError::Settings { name: name.clone(), problem };
            if settings.pipeline != "auto" && intake.pipelines.get(&settings.pipeline).is_none() {
                // It may be put at any time; until then its records are kept as dead letters.
                tracing::warn!(input = %name, pipeline = %settings.pipeline, "an input names a pipeline that is not there");
            }
            let input = Input {
                access: Access::new(settings.allow.as_deref()).map_err(wrong)?,
                places: Places::new(settings.connections_per_address()),
                zone: settings.zone().map_err(wrong)?,
                intake: Arc::clone(intake),
                budget: budget.clone(),
                meters: Arc::new(Meters::new(&name)),
                name: name.as_str().into(),
                settings: settings.clone(),
            };
            let address = settings.listen;
            let opened = match settings.transport {
                Transport::Udp => datagram::bind(address).map(Port::Udp),
                Transport::Tcp => {
                    let tls = Tls::open(settings).map_err(wrong)?.map(Arc::new);
                    TcpListener::bind(address).await.map(|listener| Port::Tcp(listener, tls))
                }
            };
            let transport = settings.transport;
            let port = opened.map_err(|source| InputError::Listen {
                name: name.clone(),
                transport,
                address,
                source,
            })?;
            ports.push((Arc::new(input), port));
        }
        Ok(Self { ports })
    }

    /// Where they listen, in the order of their settings.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn addresses(&self) -> io::Result<Vec<InputAddress>> {
        let address = |(input, port): &(Arc<Input>, Port)| {
            let address = match port {
                Port::Tcp(listener, _) => listener.local_addr()?,
                Port::Udp(socket) => socket.local_addr()?,
            };
            Ok(InputAddress { name: input.name.to_string(), transport: input.settings.transport, address })
        };
        self.ports.iter().map(address).collect()
    }

    /// Takes events in until `stop` is cancelled; then accepts no more, brings what was sent before to its end, and returns.
    pub async fn run(self, stop: CancellationToken) {
        let mut running = JoinSet::new();
        for (input, port) in self.ports {
            let stop = stop.clone();
            match port {
                Port::Tcp(listener, tls) => {
                    if let Some(tls) = &tls {
                        running.spawn(Arc::clone(tls).watch(Arc::clone(&input), stop.clone()));
                    }
                    running.spawn(listener::run(input, listener, tls, stop))
                }
                Port::Udp(socket) => running.spawn(datagram::run(input, socket, stop)),
            };
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an input ended in a panic");
            }
        }
    }
}

impl Input {
    /// How the records of a connection are read; `shared` by many senders, as those of a datagram port are.
    fn reception(&self, shared: bool) -> Reception {
        let settings = &self.settings;
        let envelope = match settings.kind {
            InputKind::Syslog => Envelope::Syslog { time_zone: self.zone.clone() },
            InputKind::Lumberjack => Envelope::Beats,
            InputKind::Lines | InputKind::Json => Envelope::Bare,
        };
        let pipeline = match settings.pipeline.as_str() {
            "auto" if shared || !envelope.is_bare() => PipelineChoice::PerRecord,
            "auto" => PipelineChoice::PerConnection(Default::default()),
            name => PipelineChoice::Named(name.into()),
        };
        Reception {
            input: Arc::clone(&self.name),
            connection: uuid::Uuid::now_v7().as_u128(),
            envelope,
            pipeline,
            objects_only: settings.kind == InputKind::Json,
            dataset: settings.dataset.as_deref().map(Into::into),
            pipeline_by_record: settings.pipeline_by_event,
        }
    }
}
