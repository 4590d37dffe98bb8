//! The process is killed while all inputs are busy: nothing that was acknowledged is lost, nothing is there twice.
//!
//! `VIGIE_TEST_KILLS=60 cargo test -p vigie --test it all_inputs` kills it more often; `VIGIE_TEST_SEED` picks other moments.

use super::{input, lumberjack_client::Client};
use crate::harness::{ADMIN, PASSWORD, Session, Vigie};
use reqwest::{Method, multipart};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Kills in an ordinary run of the tests.
const KILLS: u64 = 8;
const BATCH: u64 = 20;

fn parameter(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text:?}")))
}

/// What one way in knows: numbers of the events that it sent and those that were acknowledged.
#[derive(Default)]
struct Door {
    next: AtomicU64,
    acknowledged: Mutex<HashSet<u64>>,
    uploads: Mutex<Vec<String>>,
}

impl Door {
    fn batch(&self) -> std::ops::Range<u64> {
        let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
        first..first + BATCH
    }

    fn acknowledge(&self, numbers: std::ops::Range<u64>) {
        self.acknowledged.lock().unwrap().extend(numbers);
    }

    fn sent(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }
}

fn event(door: &str, n: u64) -> Value {
    json!({"@timestamp": format!("2026-11-1{}T10:00:00Z", n % 3), "labels": {"door": door, "number": n.to_string()}})
}

fn with_id(mut event: Value, n: u64) -> Value {
    event["event"] = json!({"id": format!("bulk-{n}")});
    event
}

fn lines(door: &str, numbers: std::ops::Range<u64>) -> String {
    numbers.fold(String::new(), |mut text, n| {
        writeln!(text, "{}", event(door, n)).unwrap();
        text
    })
}

async fn requests(door: &Door, session: &Session<'_>) {
    loop {
        let numbers = door.batch();
        let request = session.request(Method::POST, "/logs/events").body(lines("events", numbers.clone()));
        let Ok(response) = request.send().await else { return };
        if response.status().is_success() {
            let Ok(report) = response.json::<Value>().await else { return };
            assert_eq!(report["indexed"], BATCH, "{report}");
            door.acknowledge(numbers);
        }
    }
}

async fn uploads(door: &Door, session: &Session<'_>) {
    loop {
        let numbers = door.batch();
        let part = multipart::Part::text(lines("upload", numbers.clone())).file_name("a.ndjson");
        let form = multipart::Form::new().part("file", part);
        let Ok(response) = session.request(Method::POST, "/logs/uploads").multipart(form).send().await else {
            return;
        };
        if response.status().is_success() {
            let Ok(answer) = response.json::<Value>().await else { return };
            door.uploads.lock().unwrap().push(answer["uploads"][0]["id"].as_str().unwrap().to_owned());
            door.acknowledge(numbers);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn bulk(door: &Door, vigie: &Vigie) {
    loop {
        let numbers = door.batch();
        let mut body = String::new();
        for n in numbers.clone() {
            let day = n % 3;
            writeln!(
                body,
                "{{\"create\":{{\"_index\":\"ecommerce-logs-2026.11.1{day}\",\"_id\":\"bulk-{n}\"}}}}\n{}",
                // Pages of a search go by this where times are the same.
                with_id(event("bulk", n), n)
            )
            .unwrap();
        }
        let request = vigie.client.post(format!("{}/_bulk", vigie.elastic)).basic_auth(ADMIN, Some(PASSWORD));
        let Ok(response) = request.header("content-type", "application/x-ndjson").body(body).send().await
        else {
            return;
        };
        if response.status().is_success() {
            let Ok(answer) = response.json::<Value>().await else { return };
            assert_eq!(answer["errors"], false, "{answer}");
            door.acknowledge(numbers);
        }
    }
}

/// Nobody acknowledges these: what is lost on the way is counted, not forbidden.
fn connection(door: &Door, address: SocketAddr, batch: impl Fn(std::ops::Range<u64>) -> String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    while stream.write_all(batch(door.batch()).as_bytes()).is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What was not acknowledged is sent again by the next connection, as Filebeat does it.
fn shipper(door: &Door, address: SocketAddr, open: &Mutex<Option<std::ops::Range<u64>>>) {
    let Ok(mut client) = Client::connect(address) else { return };
    let mut open = open.lock().unwrap();
    loop {
        let numbers = open.get_or_insert_with(|| door.batch()).clone();
        let shipped = |n: u64| {
            let mut event = event("beats", n);
            event["agent"] = json!({"id": "a"});
            event["log"] = json!({"offset": n, "file": {"path": "/var/log/shop.log"}});
            event.to_string()
        };
        let events: Vec<String> = numbers.clone().map(shipped).collect();
        if client.send(&events, numbers.start.is_multiple_of(3)).is_err() {
            return;
        }
        door.acknowledge(numbers);
        *open = None;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_inputs_survive_kills() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let toml = [
        input("syslog", "type = \"syslog\""),
        input("json", "type = \"json\""),
        input("beats", "type = \"lumberjack\""),
    ]
    .concat();
    let names = ["events", "upload", "bulk", "syslog", "json", "beats"];
    let doors: Arc<HashMap<&str, Door>> = Arc::new(names.map(|name| (name, Door::default())).into());
    let open = Arc::new(Mutex::new(None));
    let vigie = Vigie::start_configured(&data, &toml);
    let token = vigie.login(ADMIN).await.token;
    vigie.kill();
    let (kills, mut state) = (parameter("VIGIE_TEST_KILLS", KILLS), parameter("VIGIE_TEST_SEED", 20_261_122));
    for _ in 0..kills {
        // Pseudo-random moments, the same in every run (Knuth's multiplier).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(100 + (state >> 33) % 900);
        let vigie = Vigie::start_configured(&data, &toml);
        let session = Session { vigie: &vigie, token: token.clone(), refresh_token: String::new() };
        let (syslog, json, beats) = (vigie.input("syslog"), vigie.input("json"), vigie.input("beats"));
        let threads = [
            {
                let doors = doors.clone();
                std::thread::spawn(move || {
                    connection(&doors["syslog"], syslog, |numbers| {
                        numbers.fold(String::new(), |mut text, n| {
                            let message = format!("<14>1 - web1 shop - - - {}", event("syslog", n));
                            write!(text, "{} {message}", message.len()).unwrap();
                            text
                        })
                    })
                })
            },
            {
                let doors = doors.clone();
                std::thread::spawn(move || connection(&doors["json"], json, |numbers| lines("json", numbers)))
            },
            {
                let (doors, open) = (doors.clone(), open.clone());
                std::thread::spawn(move || shipper(&doors["beats"], beats, &open))
            },
        ];
        let killer = async {
            tokio::time::sleep(moment).await;
            vigie.kill_now();
        };
        tokio::join!(
            requests(&doors["events"], &session),
            uploads(&doors["upload"], &session),
            bulk(&doors["bulk"], &vigie),
            killer
        );
        drop(vigie);
        for thread in threads {
            tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        }
    }
    let vigie = Vigie::start_configured(&data, &toml);
    let admin = vigie.login(ADMIN).await;
    let uploads = std::mem::take(&mut *doors["upload"].uploads.lock().unwrap());
    for id in uploads {
        assert_eq!(admin.finished(&id).await["state"], "done");
    }
    // All that was under way is visible when this one is.
    admin.post("/logs/events", event("last", 0)).await;
    admin.search_until(json!({"query": "labels.door:last", "size": 0}), 1).await;
    let found = all(&admin).await;
    for name in names {
        let door = &doors[name];
        let numbers = &found[name];
        let distinct: HashSet<u64> = numbers.iter().copied().collect();
        assert_eq!(numbers.len(), distinct.len(), "{name}: some are doubled");
        let acknowledged = std::mem::take(&mut *door.acknowledged.lock().unwrap());
        let mut lost: Vec<u64> = acknowledged.difference(&distinct).copied().collect();
        lost.sort_unstable();
        assert!(lost.is_empty(), "{name}: lost {} of {}: {lost:?}", lost.len(), acknowledged.len());
        let acknowledges = !matches!(name, "syslog" | "json");
        assert!(!acknowledges || !acknowledged.is_empty(), "{name}: nothing was acknowledged");
        assert!(distinct.len() as u64 >= kills, "{name}: only {} are there", distinct.len());
        assert!(distinct.iter().all(|number| *number < door.sent()));
        println!(
            "{name}: {} sent, {} acknowledged, {} there",
            door.sent(),
            acknowledged.len(),
            distinct.len()
        );
    }
    vigie.stop();
}

/// The numbers of all events by the way they came in.
async fn all(session: &Session<'_>) -> HashMap<String, Vec<u64>> {
    let mut body = json!({"query": "labels.door:*", "size": 1000});
    let mut found: HashMap<String, Vec<u64>> = HashMap::new();
    loop {
        let page = session.search(body.clone()).await;
        for hit in page["hits"].as_array().unwrap() {
            let labels = &hit["source"]["labels"];
            let number = labels["number"].as_str().unwrap().parse().unwrap();
            found.entry(labels["door"].as_str().unwrap().to_owned()).or_default().push(number);
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => body["cursor"] = json!(cursor),
            None => return found,
        }
    }
}
