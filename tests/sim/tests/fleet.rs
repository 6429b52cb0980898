//! The model of a fleet, and the page that shows its figures.

use pull_agent_sim::fleet::{Fleet, live, table};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fleet.md");
const BEGIN: &str = "<!-- fleet -->\n";
const END: &str = "<!-- /fleet -->\n";

#[test]
fn the_page_shows_what_the_model_says() {
    let page = std::fs::read_to_string(FILE).expect("the page is there");
    let (head, rest) = page.split_once(BEGIN).expect("the page has a table");
    let (written, foot) = rest.split_once(END).expect("the table ends");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, format!("{head}{BEGIN}{table}{END}{foot}")).expect("the page can be written");
        return;
    }
    assert_eq!(written, table, "UPDATE_DOCS=1 cargo test -p pull-agent-sim writes it anew");
}

#[test]
fn everybody_arrives_and_waits_where_nothing_is_left() {
    for (hosts, limit, unchanged_is_free) in
        [(1, 5_000, true), (100, 5_000, true), (400, 1_000, true), (3, 60, false), (20, 60, false)]
    {
        for seed in 0..3 {
            let figures = live(Fleet { hosts, limit, unchanged_is_free }, seed);
            assert_eq!(figures.arrived, hosts, "{hosts} hosts, {limit} an hour, seed {seed}: {figures:?}");
            // Once for each host in each hour of the day, and once more for a look below the tip.
            let most = u64::try_from(hosts).expect("it fits") * 2 * 6;
            assert!(figures.refused <= most, "{figures:?}");
        }
    }
}

#[test]
fn a_hundred_hosts_are_as_quick_as_one() {
    let of = |hosts| live(Fleet { hosts, limit: 5_000, unchanged_is_free: true }, 7);
    let (one, hundred) = (of(1), of(100));
    assert_eq!(hundred.refused, 0);
    assert!(hundred.longest <= one.longest + 60, "{one:?} {hundred:?}");
}

#[test]
fn one_host_asks_seldom() {
    let figures = live(Fleet { hosts: 1, limit: 5_000, unchanged_is_free: true }, 3);
    assert!(figures.hour <= 7, "two for each of three commits: {figures:?}");
    assert!(figures.minute <= 6, "{figures:?}");
}
