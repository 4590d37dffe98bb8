//! Puts the definitions of `/pipelines` into the binary: writes a table of (name, text) that the registry includes.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../pipelines");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut table = String::from("&[\n");
    if let Ok(folder) = folder.canonicalize() {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        files.sort();
        for file in files {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(stem) = name.strip_suffix(".json").filter(|stem| !stem.contains('.')) else { continue };
            println!("cargo::rerun-if-changed={}", file.display());
            table.push_str(&format!("    ({stem:?}, include_str!({:?})),\n", file.display().to_string()));
        }
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("pipelines.rs"), table)?;
    Ok(())
}
