//! The index templates that the store is opened with: the files of `index-templates/`, compiled in.

use store::{
    StoreError,
    logs::{IndexAdmin, TemplateKind},
    scope::Scope,
};

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../../index-templates/", $folder, "/", $name, ".json")))),+]
    };
}

const COMPONENTS: &[(&str, &str)] = files!("component-templates":
    "vigie-base",
    "vigie-access",
    "vigie-transaction",
    "vigie-fraud",
    "vigie-error",
    "vigie-behaviour",
    "vigie-performance",
    "vigie-device",
);

const INDICES: &[(&str, &str)] = files!("index-templates": "ecommerce-logs", "device-logs");

/// Installs all templates, components first, as their README tells for Elasticsearch.
pub(super) async fn install(admin: &dyn IndexAdmin, scope: &Scope) -> Result<(), StoreError> {
    for (kind, files) in [(TemplateKind::Component, COMPONENTS), (TemplateKind::Index, INDICES)] {
        for (name, text) in files {
            let body = serde_json::from_str(text).map_err(|error| {
                StoreError::internal(format!("cannot read built-in template {name:?}"), error)
            })?;
            admin.put_template(scope, kind, name, body, false).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::Path};

    #[test]
    fn every_file_is_compiled_in() {
        let check = |folder: &str, files: &[(&str, &str)]| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../index-templates").join(folder);
            let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            let compiled_in: BTreeSet<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(on_disk, compiled_in);
        };
        check("component-templates", COMPONENTS);
        check("index-templates", INDICES);
    }
}
