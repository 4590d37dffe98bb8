use super::*;
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

/// The official test databases of MaxMind, which lie beside the repository where there are any. Elsewhere the test is
/// skipped by name: into the file that `cargo xtask test` reads.
fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mmdb");
    if folder.is_dir() {
        return Some(folder);
    }
    if let Some(list) = std::env::var_os("VIGIE_SKIPPED_TESTS") {
        let mut list = fs::File::options().create(true).append(true).open(list).unwrap();
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        writeln!(list, "{test}: no {} here", folder.display()).unwrap();
    }
    None
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_built_in_database_knows_countries_only() {
    let geo = GeoDatabases::embedded();
    let found = geo.lookup(None, address("8.8.8.8"), None).unwrap().unwrap();
    let expected =
        json!({"continent_name": "North America", "country_iso_code": "US", "country_name": "United States"});
    assert_eq!(Value::Object(found), expected);
    for local in
        ["192.168.1.1", "10.0.0.1", "127.0.0.1", "100.64.0.1", "0.0.0.0", "::1", "fd00::1", "::ffff:10.0.0.1"]
    {
        assert_eq!(geo.lookup(None, address(local), None).unwrap(), None, "{local}");
    }
    assert!(geo.lookup(None, address("2001:4860:4860::8888"), None).unwrap().is_some());
    assert_eq!(geo.lookup(None, address("8.8.8.8"), Some(&[GeoProperty::Location])).unwrap(), None);
    assert!(!geo.has(Some("GeoLite2-ASN.mmdb")));
}

#[test]
fn cities_and_networks_come_from_the_users_files() {
    let Some(samples) = samples() else { return };
    let folder = tempfile::tempdir().unwrap();
    for name in ["GeoLite2-City-Test.mmdb", "GeoLite2-ASN-Test.mmdb"] {
        fs::copy(samples.join(name), folder.path().join(name)).unwrap();
    }
    let geo = GeoDatabases::with_directory(folder.path().to_owned());
    assert_eq!(geo.names(), ["GeoLite2-ASN-Test.mmdb", "GeoLite2-City-Test.mmdb"]);
    let found = geo.lookup(None, address("81.2.69.142"), None).unwrap().unwrap();
    let expected = json!({"continent_name": "Europe", "country_iso_code": "GB", "country_name": "United Kingdom",
        "region_iso_code": "GB-ENG", "region_name": "England", "city_name": "London",
        "location": {"lat": 51.5142, "lon": -0.0931}});
    assert_eq!(Value::Object(found), expected);
    let found = geo.lookup(Some("GeoLite2-ASN.mmdb"), address("1.128.0.0"), None).unwrap().unwrap();
    assert_eq!(found["asn"], 1221);
    assert_eq!(found["organization_name"], "Telstra Pty Ltd");
    assert_eq!(found["network"], "1.128.0.0/11");
    // The city database does not know this one; its country is known all the same, but not to a file asked for by name.
    let found = geo.lookup(None, address("1.128.0.0"), None).unwrap().unwrap();
    assert_eq!(found["country_iso_code"], "AU");
    assert_eq!(geo.lookup(Some("GeoLite2-City-Test.mmdb"), address("1.128.0.0"), None).unwrap(), None);
}

#[test]
fn broken_files_are_refused_and_the_old_one_stays() {
    let Some(samples) = samples() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("city.mmdb");
    fs::copy(samples.join("GeoLite2-City-Test.mmdb"), &path).unwrap();
    let geo = GeoDatabases::with_directory(folder.path().to_owned());
    let london = || geo.lookup(None, address("81.2.69.142"), Some(&[GeoProperty::CityName])).unwrap();
    assert_eq!(london().unwrap()["city_name"], "London");
    assert!(!geo.refresh(), "nothing has changed");
    let mut step = 0;
    for entry in fs::read_dir(&samples).unwrap() {
        let source = entry.unwrap().path();
        let name = source.file_name().unwrap().to_str().unwrap().to_owned();
        if name.to_lowercase().contains("broken") || name.contains("Invalid") {
            step += 1;
            replace(&path, &fs::read(&source).unwrap(), step);
            geo.refresh();
            // Some open in spite of their damage: whatever is asked, there is an answer or an error, never a panic.
            for probe in ["81.2.69.142", "1.1.1.1", "2001:db8::1", "::"] {
                let _ = geo.lookup(None, address(probe), None);
            }
        }
    }
    assert!(step >= 3, "only {step} broken samples");
    let good = fs::read(samples.join("GeoLite2-City-Test.mmdb")).unwrap();
    replace(&path, &good, step + 1);
    geo.refresh();
    for (i, bytes) in [&b"no database"[..], &good[..good.len() / 2], &[]].into_iter().enumerate() {
        replace(&path, bytes, step + 2 + i as u64);
        geo.refresh();
        assert_eq!(london().unwrap()["city_name"], "London", "the old one stays");
    }
    fs::remove_file(&path).unwrap();
    assert!(geo.refresh(), "it is gone");
    assert!(london().is_none());
}

/// Writes a file with a time of its own, so that the change is seen without waiting.
fn replace(path: &Path, bytes: &[u8], step: u64) {
    fs::write(path, bytes).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + step);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}
