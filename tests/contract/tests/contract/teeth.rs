//! That the proxy would find what is wrong: without this the other rooms could be green for nothing.

use pull_agent_forge::{Fault, Kind};

use super::{Bench, CHECK, REPOSITORY, SHA};

pub(crate) async fn check(bench: &Bench) {
    let runs = format!("/repos/{REPOSITORY}/commits/{SHA}/check-runs");
    bench.forge.set_check(REPOSITORY, SHA, CHECK, "completed", Some("success"));
    bench.good(&runs, &[], 200).await;

    // A conclusion that is no word of GitHub's; `stale`, which GitHub does use, is not in its description either.
    for conclusion in ["great", "stale"] {
        bench.forge.set_check(REPOSITORY, SHA, CHECK, "completed", Some(conclusion));
        caught(bench, &runs, 500, "conclusion").await;
    }
    // A field is missing.
    let body = "{\"total_count\": 1, \"check_runs\": [{\"id\": 1}]}".to_owned();
    bench.forge.fault(Fault::once(Kind::Garbage { body }));
    caught(bench, &runs, 500, "head_sha").await;
    // A number is a text.
    let body = "{\"total_count\": \"none\", \"check_runs\": []}".to_owned();
    bench.forge.fault(Fault::once(Kind::Garbage { body }));
    caught(bench, &runs, 500, "total_count").await;
    // Requests that GitHub does not know.
    caught(bench, &format!("{runs}?filter=bogus"), 422, "filter").await;
    caught(bench, &format!("{runs}?app_id=actions"), 422, "app_id").await;
    caught(bench, "/repos/poby/infra/actions", 404, "NO_PATH_MATCHED").await;
}

async fn caught(bench: &Bench, path: &str, status: u16, word: &str) {
    let seen = bench.get(path, &[]).await;
    assert_eq!(seen.status, status, "{path}: {}", seen.body);
    assert!(seen.body.contains(word), "{path}: {}", seen.body);
}
