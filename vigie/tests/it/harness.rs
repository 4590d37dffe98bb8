//! Starts the binary on free ports with a data directory of its own, and speaks its API.

use reqwest::{
    Client, Method, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) const ADMIN: &str = "admin@shop.example";
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running service. Killed when dropped.
pub(crate) struct Vigie {
    child: Child,
    pub(crate) http: String,
    pub(crate) elastic: String,
    pub(crate) client: Client,
    /// The line by which it says where it listens.
    listening: String,
}

/// The command line of the binary, with an environment that only the test decides.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VIGIE_") {
            command.env_remove(name);
        }
    }
    // The cheapest rounds that are accepted: the tests log in often.
    command.env("VIGIE_AUTH__BCRYPT_COST", "10").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Path of a file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A file that lies beside the repository where it is tested with data of others. Elsewhere the test is skipped by name:
/// into the file that `cargo xtask test` reads.
pub(crate) fn data_beside(path: &str) -> Option<PathBuf> {
    let file = repository("../shared/data").join(path);
    if file.exists() {
        return Some(file);
    }
    skip(&format!("no {} here", file.display()));
    None
}

/// A program that `cargo xtask test` has installed below `target/clients`; where it could not, the test is skipped by name.
pub(crate) fn installed_client(path: &str) -> Option<PathBuf> {
    let clients = repository("target/clients");
    let file = clients.join(path);
    // What was not installed to its end is not installed.
    let client = path.split('/').next().unwrap_or(path);
    if file.exists() && clients.join(client).join("complete").exists() {
        return Some(file);
    }
    skip(&format!("no {} here, `cargo xtask clients` installs it", file.display()));
    None
}

/// Says that the test of this thread did not run.
pub(crate) fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    if let Some(list) = std::env::var_os("VIGIE_SKIPPED_TESTS") {
        let mut list = std::fs::File::options().create(true).append(true).open(list).unwrap();
        writeln!(list, "{test}: {why}").unwrap();
    }
}

impl Vigie {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub(crate) fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        Self::listening(data, Self::spawn(data, "127.0.0.1:0", environment))
    }

    /// Starts it where clients of the Elasticsearch API already look for it.
    pub(crate) fn start_at(data: &Path, elastic: &str) -> Self {
        let address = elastic.trim_start_matches("http://");
        Self::listening(data, Self::spawn(data, address, &[]))
    }

    /// Waits until it listens.
    fn listening(data: &Path, mut child: Child) -> Self {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("listening "))
            .unwrap_or_else(|| {
                panic!("it did not start: {}", std::fs::read_to_string(data.with_extension("log")).unwrap())
            });
        let address = |name: &str| {
            listening.split(' ').find_map(|part| part.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { child, http: address("http="), elastic: address("elastic="), client, listening }
    }

    /// Starts it with these settings in a file, such as inputs.
    pub(crate) fn start_configured(data: &Path, toml: &str) -> Self {
        let file = data.with_extension("toml");
        std::fs::write(&file, toml).unwrap();
        Self::start_with(data, &[("VIGIE_CONFIG", file.to_str().unwrap())])
    }

    /// Where the input of that name listens.
    pub(crate) fn input(&self, name: &str) -> std::net::SocketAddr {
        let parts = self.listening.split(' ').filter_map(|part| part.strip_prefix("input."));
        let (_, url) =
            parts.filter_map(|part| part.split_once('=')).find(|(found, _)| *found == name).unwrap();
        url.split_once("://").unwrap().1.parse().unwrap()
    }

    /// The value of a metric, by its name with labels; 0 if it is not there.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text =
            self.client.get(format!("{}/metrics", self.http)).send().await.unwrap().text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    /// Waits until a metric has reached a value.
    pub(crate) async fn metric_until(&self, name: &str, least: f64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name).await;
            if value >= least {
                return;
            }
            assert!(Instant::now() < deadline, "{name} is {value}, not {least}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn spawn(data: &Path, elastic: &str, environment: &[(&str, &str)]) -> Child {
        let log =
            std::fs::File::options().create(true).append(true).open(data.with_extension("log")).unwrap();
        command()
            .args(["serve", "--listen", "127.0.0.1:0", "--elastic-listen", elastic, "--data"])
            .arg(data)
            .env("VIGIE_ADMIN_EMAIL", ADMIN)
            .env("VIGIE_ADMIN_PASSWORD", PASSWORD)
            .env("VIGIE_HTTP__USER_REQUESTS_PER_MIN", "1000000")
            .env("VIGIE_HTTP__ANONYMOUS_REQUESTS_PER_MIN", "1000000")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Asks the Elasticsearch port as the admin; status and body of the answer.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: String) -> (u16, Value) {
        let request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.elastic))
            .basic_auth(ADMIN, Some(PASSWORD))
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Starts the process and kills it that much later, wherever it is by then.
    pub(crate) fn start_and_kill(data: &Path, after: Duration) {
        let mut child = Self::spawn(data, "127.0.0.1:0", &[]);
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// As [`Self::kill`], while others still talk to it; it is waited for when dropped.
    pub(crate) fn kill_now(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    }

    /// Ends the process as a crash of the machine would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to stop and checks that it leaves in peace.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "ended with {status}");
                return;
            }
            assert!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) async fn login(&self, email: &str) -> Session<'_> {
        let (status, body) = self.try_login(email, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        Session {
            vigie: self,
            token: body["access_token"].as_str().unwrap().to_owned(),
            refresh_token: body["refresh_token"].as_str().unwrap().to_owned(),
        }
    }

    pub(crate) async fn try_login(&self, email: &str, password: &str) -> (StatusCode, Value) {
        self.anonymous().post("/auth/login", json!({"email": email, "password": password})).await
    }

    pub(crate) fn anonymous(&self) -> Session<'_> {
        Session { vigie: self, token: String::new(), refresh_token: String::new() }
    }

    /// Logs in as an account of that role, which is created.
    pub(crate) async fn account(&self, role: &str) -> Session<'_> {
        let email = format!("{role}@shop.example");
        let admin = self.login(ADMIN).await;
        let (status, body) =
            admin.post("/users", json!({"email": email, "password": PASSWORD, "roles": [role], "first_name": "A", "last_name": "B"})).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        self.login(&email).await
    }
}

impl Drop for Vigie {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who is logged in (or nobody).
pub(crate) struct Session<'a> {
    pub(crate) vigie: &'a Vigie,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl Session<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.vigie.client.request(method, format!("{}/api/v1{path}", self.vigie.http));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        read(self.request(Method::POST, path).json(&body)).await
    }

    /// Uploads one file and answers at once.
    pub(crate) async fn send(&self, name: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
        let form = Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()));
        let (status, body) = read(self.request(Method::POST, "/logs/uploads").multipart(form)).await;
        (status, body["uploads"][0].clone())
    }

    /// Uploads one file and waits for the end of its job.
    pub(crate) async fn upload(&self, name: &str, bytes: Vec<u8>) -> Value {
        let (status, upload) = self.send(name, bytes).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{upload}");
        self.finished(upload["id"].as_str().unwrap()).await
    }

    /// Waits for the end of an upload's job.
    pub(crate) async fn finished(&self, id: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, upload) = self.get(&format!("/logs/uploads/{id}")).await;
            assert_eq!(status, StatusCode::OK, "{upload}");
            if matches!(upload["state"].as_str(), Some("done" | "failed")) {
                return upload;
            }
            assert!(Instant::now() < deadline, "not finished: {upload}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Searches; the body is that of `POST /search`.
    pub(crate) async fn search(&self, body: Value) -> Value {
        let (status, answer) = self.post("/search", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Searches until so many are found: what was written becomes visible within a second.
    pub(crate) async fn search_until(&self, body: Value, total: u64) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.search(body.clone()).await;
            if answer["total"]["value"] == total {
                return answer;
            }
            assert!(Instant::now() < deadline, "{body} finds {}, not {total}", answer["total"]);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

pub(crate) async fn read(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

/// The whole of an index pattern, newest first, page after page.
pub(crate) async fn all_ids(session: &Session<'_>, mut body: Value) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = session.search(body.clone()).await;
        let hits = page["hits"].as_array().unwrap();
        ids.extend(hits.iter().map(|hit| hit["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => body["cursor"] = json!(cursor),
            None => return ids,
        }
    }
}
