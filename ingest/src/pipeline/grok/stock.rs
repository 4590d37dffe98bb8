//! The stock patterns by name, from the files of `data/grok`.

use super::Flavour;
use std::{collections::HashMap, sync::LazyLock};

/// One file a family. A line is `NAME pattern`; what stands before the first heading is the same in both flavours,
/// `[legacy]` and `[ecs-v1]` head what is of one.
const FAMILIES: &[&str] = &[
    include_str!("../../../data/grok/grok-patterns"),
    include_str!("../../../data/grok/aws"),
    include_str!("../../../data/grok/bacula"),
    include_str!("../../../data/grok/bind"),
    include_str!("../../../data/grok/bro"),
    include_str!("../../../data/grok/exim"),
    include_str!("../../../data/grok/firewalls"),
    include_str!("../../../data/grok/haproxy"),
    include_str!("../../../data/grok/httpd"),
    include_str!("../../../data/grok/java"),
    include_str!("../../../data/grok/junos"),
    include_str!("../../../data/grok/linux-syslog"),
    include_str!("../../../data/grok/maven"),
    include_str!("../../../data/grok/mcollective"),
    include_str!("../../../data/grok/mongodb"),
    include_str!("../../../data/grok/nagios"),
    include_str!("../../../data/grok/postgresql"),
    include_str!("../../../data/grok/rails"),
    include_str!("../../../data/grok/redis"),
    include_str!("../../../data/grok/ruby"),
    include_str!("../../../data/grok/squid"),
    include_str!("../../../data/grok/zeek"),
];

/// The patterns of one flavour.
#[derive(Default)]
struct Bank {
    by_name: HashMap<&'static str, &'static str>,
    in_order: Vec<(&'static str, &'static str)>,
}

static LEGACY: LazyLock<Bank> = LazyLock::new(|| read(Flavour::Legacy));
static ECS: LazyLock<Bank> = LazyLock::new(|| read(Flavour::Ecs));

fn read(flavour: Flavour) -> Bank {
    let mut bank = Bank::default();
    for family in FAMILIES {
        let mut of = None;
        for line in family.lines() {
            match line {
                "[legacy]" => of = Some(Flavour::Legacy),
                "[ecs-v1]" => of = Some(Flavour::Ecs),
                line => {
                    let Some((name, pattern)) = line.split_once(' ') else { continue };
                    if of.is_none_or(|of| of == flavour) {
                        bank.by_name.insert(name, pattern);
                        bank.in_order.push((name, pattern));
                    }
                }
            }
        }
    }
    bank
}

fn bank(flavour: Flavour) -> &'static Bank {
    match flavour {
        Flavour::Legacy => &LEGACY,
        Flavour::Ecs => &ECS,
    }
}

/// A pattern by its name.
pub(super) fn find(name: &str, flavour: Flavour) -> Option<&'static str> {
    bank(flavour).by_name.get(name).copied()
}

/// All patterns of a flavour with their names, family by family.
pub(super) fn all(flavour: Flavour) -> impl Iterator<Item = (&'static str, &'static str)> {
    bank(flavour).in_order.iter().copied()
}
