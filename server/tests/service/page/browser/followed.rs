//! A task is followed to its end without a reload.

use super::{
    browser,
    chromium::Chromium,
    reading::{can_be_opened, can_be_read, can_be_walked},
};
use crate::{
    operated::fleet::{Site, terminate},
    page::scene::Relay,
    tasks::TaskFile,
};

const PAID: &str = "Number(document.querySelector('#tasks article')?.dataset.paid)";

/// Opens the page as a person does, by the address that was printed.
fn open(browser: &mut Chromium, relay: &Relay) {
    browser.go(&relay.url);
    browser.until("it is live", "document.getElementById('connection').dataset.kind === 'live'");
    assert_eq!(browser.evaluate("location.pathname + location.search"), "/", "the token is gone from the address");
    browser.evaluate("window.loadedOnce = true");
}

/// Nothing went wrong, nothing was loaded again, and nobody else was asked for anything.
fn ended_well(browser: &mut Chromium, relay: &Relay) {
    assert_eq!(browser.evaluate("window.loadedOnce"), true, "without a reload");
    assert_eq!(browser.complaints(), [] as [String; 0]);
    let own = format!("http://{}/", relay.address);
    let requests = browser.requests();
    assert!(requests.len() > 10, "{requests:?}");
    assert!(requests.iter().all(|url| url.starts_with(&own)), "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_followed_live_to_its_end_and_can_be_read_on_every_screen() {
    let Some(mut browser) = browser("a task followed in a browser") else { return };
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let participation = r#"kind = "fixed", cohort = 3"#;
    let task = TaskFile { name: "followed", rounds: 12, participation, minimum_reports: 3, ..TaskFile::default() };
    // Everything that a task can have to show.
    let text = task.text().replace("momentum = 0.9", "momentum = 0.9, average = { kind = \"ema\", decay = 0.9 }");
    let text = text.replace("delta = 1e-3", "delta = 1e-3, metrics = { share = 0.3, loss_bound = 4.0 }");
    let budget = ["--population-epsilon", "6.0", "--population-delta", "2e-3"];
    site.json(&[&["task", "create", &site.file("followed", &text)][..], &budget].concat());

    let relay = Relay::start(&site);
    open(&mut browser, &relay);
    browser.until("the task is there", &format!("{PAID} === 0"));
    assert_eq!(
        browser.evaluate("document.querySelector('main section h2').innerText"),
        "PRIVACY BUDGET",
        "first of all"
    );
    browser.until("nothing is spent", "document.querySelector('#budget .amount').innerText.startsWith('6')");
    browser.picture("before");
    let devices = site.take_part(&passes);
    let mut seen = vec![0];
    while seen.last() < Some(&12) {
        let last = seen[seen.len() - 1];
        browser.until("the round moves", &format!("{PAID} > {last}"));
        seen.push(browser.evaluate(PAID).as_u64().unwrap());
    }
    assert!(seen.len() > 3, "it is told of more than its end: {seen:?}");
    browser.until("its end", "document.querySelector('#tasks article').dataset.state === 'completed'");
    browser.until("the ledger caught up", "document.querySelector('#ledgers tbody td')?.innerText === '37'");
    assert_eq!(browser.evaluate("document.querySelector('#ledgers article').dataset.sound"), "true");
    browser
        .until("all models are there", "document.querySelector('#tasks .models summary').innerText === 'Models: 12'");
    browser.until("every round is drawn", "document.querySelectorAll('#tasks circle').length === 12");
    let axes =
        browser.evaluate("[...document.querySelectorAll('#tasks .axis')].map((axis) => axis.textContent).join(', ')");
    assert_eq!(axes, "round, accuracy, %", "with their units");
    browser.until("it is announced", "document.getElementById('announcement').innerText.includes('completed')");

    can_be_read(&mut browser, "completed");
    browser.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))");
    can_be_read(&mut browser, "opened");
    can_be_opened(&mut browser);
    can_be_walked(&mut browser, 1280);
    can_be_walked(&mut browser, 400);
    ended_well(&mut browser, &relay);
    drop(devices);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_secret_cohort_no_count_is_drawn_and_the_budgets_end_is_said() {
    let Some(mut browser) = browser("a secret cohort in a browser") else { return };
    let site = Site::new();
    let running = site.serve();
    let passes = site.enrol("phones", 3).await;
    let task = TaskFile { name: "secret", rounds: 6, epsilon: 8.0, noise_multiplier: "1.0", ..TaskFile::default() };
    site.json(&["task", "create", &site.file("secret", &task.text())]);
    let relay = Relay::start(&site);
    open(&mut browser, &relay);
    let devices = site.take_part(&passes);
    browser.until("its end", "document.querySelector('#tasks article')?.dataset.state === 'budget_exhausted'");
    browser.until("it is said", "document.querySelector('#tasks .phase').innerText.startsWith('Budget exhausted')");
    browser.until("the models are there", "document.querySelector('#tasks .models:not([hidden])')");
    browser.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))");
    let said = browser.evaluate("document.querySelector('#tasks').innerText");
    let said = said.as_str().unwrap();
    assert!(said.contains("secret: the promise rests on nobody knowing who took part"), "{said}");
    // The number of devices that are enrolled is public, and the only one there is.
    let devices_said: Vec<&str> = said.lines().filter(|line| line.contains("device") && line.contains('3')).collect();
    assert_eq!(devices_said, ["priced for n = 3 enrolled devices"]);
    assert_eq!(browser.evaluate("document.querySelector('#tasks figure').hidden"), true, "nothing was measured");
    assert!(
        browser.evaluate("document.querySelector('#refusals').innerText").as_str().unwrap().contains("only strangers")
    );
    can_be_read(&mut browser, "secret");
    ended_well(&mut browser, &relay);
    drop(devices);
    terminate(running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_open_outlives_the_server_and_finds_the_next_one() {
    let Some(mut browser) = browser("a restart in a browser") else { return };
    let site = Site::new();
    let mut running = site.serve();
    let relay = Relay::start(&site);
    open(&mut browser, &relay);
    let since = "document.querySelector('#health dd').innerText.split(',').slice(0, 2).join()";
    browser.until("there is no task", "document.querySelector('#tasks').innerText.includes('No task was created')");
    browser.picture("nothing");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    browser
        .until("it is away", "document.getElementById('connection').innerText.startsWith('the coordinator is away')");
    browser.picture("away");
    assert_ne!(browser.evaluate(since), "", "what it told last is still there");
    let running = site.serve();
    browser.until("it is back", "document.getElementById('connection').dataset.kind === 'live'");
    site.json(&["task", "create", &site.file("test", &TaskFile::default().text())]);
    browser.until("the new task is there", "document.querySelector('#tasks .state')?.innerText === 'waiting'");
    browser.picture("waiting");
    assert_eq!(browser.evaluate("window.loadedOnce"), true, "without a reload");
    terminate(running).await;
}
