//! `cargo xtask fuzz`: runs the fuzz targets on seeds from the repository. See `fuzz/README.md`.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Coverage for libFuzzer, as `cargo fuzz` asks for it; all of it is taken by a stable compiler.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longest input: beyond, runs become slow and say nothing new.
const INPUT_MAX_BYTES: usize = 4_096;
/// Seeds of one target.
const SEEDS_MAX: usize = 300;
/// Lines of each sample file that become seeds.
const LINES_MAX: usize = 20;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct FuzzArgs {
    /// Targets; all if none is named.
    targets: Vec<String>,
    /// How long each runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// Builds the targets, gives each its seeds, and runs one after the other. Fails if anything was found.
pub(crate) fn run(root: &Path, options: &FuzzArgs) -> anyhow::Result<()> {
    let fuzz = root.join("fuzz");
    let all = targets(&fuzz)?;
    if let Some(unknown) = options.targets.iter().find(|target| !all.contains(target)) {
        bail!("there is no target {unknown:?}; there are {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    let sources = Sources::read(root)?;
    for target in chosen {
        sow(&fuzz.join("corpus").join(target), &sources.seeds(target))?;
    }
    let host = host()?;
    let directory = build(&fuzz, &host, chosen)?;
    let mut found = Vec::new();
    for target in chosen {
        let artifacts = fuzz.join("artifacts").join(target);
        fs::create_dir_all(&artifacts)?;
        let status = Command::new(directory.join(target))
            .arg(fuzz.join("corpus").join(target))
            .arg(format!("-max_total_time={}", options.seconds))
            .arg(format!("-max_len={INPUT_MAX_BYTES}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .status()
            .with_context(|| format!("cannot start target {target:?}"))?;
        if !status.success() {
            found.push(target.as_str());
        }
    }
    if !found.is_empty() {
        bail!("something does not hold in {}: see fuzz/artifacts", found.join(", "));
    }
    Ok(())
}

/// Gives a target the inputs that it begins with.
fn sow(corpus: &Path, seeds: &[Vec<u8>]) -> anyhow::Result<()> {
    fs::create_dir_all(corpus)?;
    for (number, seed) in seeds.iter().take(SEEDS_MAX).enumerate() {
        fs::write(corpus.join(format!("seed-{number:03}")), &seed[..seed.len().min(INPUT_MAX_BYTES)])?;
    }
    Ok(())
}

/// The targets that there are, by their files.
fn targets(fuzz: &Path) -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(fuzz.join("fuzz_targets"))? {
        let path = entry?.path();
        targets.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

/// The platform of this machine. Naming it keeps the flags from what runs while building.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Ok(host.to_owned())
}

/// Where the built targets are.
fn build(fuzz: &Path, host: &str, targets: &[String]) -> anyhow::Result<PathBuf> {
    let directory =
        std::env::var_os("VIGIE_FUZZ_TARGET_DIR").map_or_else(|| fuzz.join("target"), PathBuf::from);
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(fuzz).args(["build", "--release", "--target", host]);
    targets.iter().for_each(|target| {
        command.args(["--bin", target]);
    });
    command.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &directory);
    if !command.status().context("cannot start cargo")?.success() {
        bail!("the fuzz targets do not build");
    }
    Ok(directory.join(host).join("release"))
}

/// Texts of the repository that targets begin with.
#[derive(Default)]
struct Sources {
    /// Lines of logs.
    lines: Vec<String>,
    /// Objects, one a line.
    objects: Vec<String>,
    /// Definitions of pipelines.
    definitions: Vec<String>,
    /// What the definitions hold, by key: patterns, formats, conditions, sources of scripts.
    texts: Vec<(String, String)>,
}

impl Sources {
    fn read(root: &Path) -> anyhow::Result<Self> {
        let mut sources = Self::default();
        for path in files(&root.join("fixtures"))? {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let lines = text.lines().take(LINES_MAX).map(str::to_owned);
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("ndjson") => sources.objects.extend(lines),
                Some("log") => sources.lines.extend(lines),
                _ => {}
            }
        }
        for path in files(&root.join("pipelines"))? {
            let text = fs::read_to_string(&path)?;
            let value: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
            if path.to_string_lossy().ends_with(".cases.json") {
                let cases = value["cases"].as_array().into_iter().flatten();
                sources.lines.extend(cases.filter_map(|case| case["input"].as_str()).map(str::to_owned));
            } else {
                sources.collect("", &value);
                sources.definitions.push(value.to_string());
            }
        }
        Ok(sources)
    }

    fn collect(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => self.texts.push((key.to_owned(), text.clone())),
            Value::Array(items) => items.iter().for_each(|item| self.collect(key, item)),
            Value::Object(members) => members.iter().for_each(|(key, value)| self.collect(key, value)),
            _ => {}
        }
    }

    fn of<'s>(&'s self, keys: &'s [&str]) -> impl Iterator<Item = &'s str> {
        self.texts.iter().filter(|(key, _)| keys.contains(&key.as_str())).map(|(_, text)| text.as_str())
    }

    /// What a target begins with.
    fn seeds(&self, target: &str) -> Vec<Vec<u8>> {
        let bytes = |texts: Vec<String>| texts.into_iter().map(String::into_bytes).collect();
        // The first byte of these is a choice: of a pattern, a processor, the size of the pieces.
        let chosen = || {
            let numbered = (0_u8..=255).cycle().zip(self.lines.iter().chain(&self.objects));
            numbered.map(|(number, line)| [&[number], line.as_bytes()].concat()).collect::<Vec<_>>()
        };
        let with_a_line = |keys: &[&str]| {
            let lines = self.lines.iter().cycle();
            self.of(keys).zip(lines).map(|(text, line)| format!("{text}\0{line}")).collect::<Vec<_>>()
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        match target {
            "syslog" => bytes(
                self.lines.iter().map(|line| format!("<13>Nov 21 10:00:00 host app[1]: {line}")).collect(),
            ),
            "beats" => bytes(self.objects.clone()),
            "json_records" => {
                let array =
                    format!("x[{}]", self.objects.iter().take(3).cloned().collect::<Vec<_>>().join(", "));
                [chosen(), vec![array.into_bytes()]].concat()
            }
            "lines" | "joined" | "framing" | "table" | "patterns" => {
                let several =
                    self.lines.chunks(4).map(|lines| format!("\u{7}{}\n", lines.join("\n"))).collect();
                [chosen(), bytes(several)].concat()
            }
            "lumberjack" => self.objects.iter().map(|object| window(object)).collect(),
            "grok" => bytes(with_a_line(&["patterns"])),
            "dissect" | "regexes" => bytes(with_a_line(&["pattern", "field_split", "separator"])),
            "time_format" => bytes(with_a_line(&["formats"])),
            "pipeline_definition" => {
                let lines = self.lines.iter().cycle();
                bytes(
                    self.definitions
                        .iter()
                        .zip(lines)
                        .map(|(text, line)| format!("{text}\0{line}"))
                        .collect(),
                )
            }
            "condition" => bytes(self.of(&["if"]).map(str::to_owned).collect()),
            "script" => bytes(self.of(&["if", "source"]).map(str::to_owned).collect()),
            "template" | "search_template" => {
                bytes(self.of(&["value", "message", "index_name_prefix"]).map(str::to_owned).collect())
            }
            "field_path" => bytes(self.of(&["field", "target_field"]).map(str::to_owned).collect()),
            "query_dsl" => texts(QUERIES),
            "query_string" => texts(QUERY_STRINGS),
            "dates" => texts(DATES),
            _ => chosen(),
        }
    }
}

const QUERIES: &[&str] = &[
    r#"{"bool":{"must":[{"match":{"message":"error"}}],"filter":{"range":{"@timestamp":{"gte":"now-1d/d","lt":"now"}}}}}"#,
    r#"{"query":{"query_string":{"query":"a:b AND c"}},"size":0,"aggs":{"t":{"terms":{"field":"a"},"aggs":{"m":{"max":{"field":"n"}}}}}}"#,
    r#"{"query":{"match_all":{}},"sort":[{"@timestamp":"desc"},"_doc"],"_source":["a*"],"highlight":{"fields":{"a":{}}}}"#,
    r#"{"function_score":{"query":{"term":{"a":1}},"boost":2}}"#,
    r#"{"nested":{"path":"a","query":{"wildcard":{"a.b":"x*"}}}}"#,
];
const QUERY_STRINGS: &[&str] = &[
    "status:500 AND NOT (path:\"/a b\"~2 OR host:web*)",
    "bytes:[100 TO *} took:>=5 /err.*/ name:fuzy~1^2",
    "http.response.status_code >= 500 and not user.name: bot*",
    "+must -not | either \"a phrase\" _exists_:field",
];
const DATES: &[&str] = &[
    "strict_date_optional_time||epoch_millis\u{0}2026-11-21T10:00:00.123+01:00",
    "yyyy-MM-dd HH:mm:ss,SSS\u{0}2026-11-21 10:00:00,123||+1M/d",
    "epoch_second\u{0}1795600000",
    "strict_date_optional_time\u{0}now-1d/d",
];

/// A window with one event, as a Lumberjack client sends it.
fn window(event: &str) -> Vec<u8> {
    let length = u32::try_from(event.len()).unwrap_or(0).to_be_bytes();
    [b"\x40".as_slice(), b"2W\0\0\0\x01", b"2J\0\0\0\x01", &length, event.as_bytes()].concat()
}

fn files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    files.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension != "md"));
    files.sort();
    Ok(files)
}
