//! `murmur-server page`: one browser of this machine, and nobody else.

use crate::{
    operated::fleet::{Site, terminate},
    page::scene::Relay,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_browser_sees_the_page_through_restarts_and_nobody_else_sees_anything() {
    let site = Site::new();
    let running = site.serve();
    let relay = Relay::start(&site);
    let status = |answer: &str| answer.split(' ').nth(1).unwrap_or_default().to_owned();

    assert_eq!(status(&relay.got("/", "")), "403", "without a token");
    assert_eq!(status(&relay.got("/?token=00", "")), "403");
    let rebound = relay.entrance().to_owned();
    let request = format!("GET {rebound} HTTP/1.1\nHost: evil.example:{}\nConnection: close\n\n", relay.address.port());
    assert_eq!(status(&relay.asked(&request)), "421", "a name that somebody made to point here");
    let cookie = relay.enter();
    assert_eq!(status(&relay.got(relay.entrance(), "")), "403", "the token was used");

    let page = relay.got("/", &cookie);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<title>Murmur"), "{page}");
    for header in
        ["content-security-policy: default-src 'none'", "x-content-type-options: nosniff", "cache-control: no-store"]
    {
        assert!(page.to_lowercase().contains(header), "{header} is not in {page}");
    }
    assert_eq!(status(&relay.got("/page/assets/main.js", &cookie)), "200");
    assert!(relay.got("/page/state", &cookie).contains("\"state\":{"));
    // The admin port has more, and none of it is passed on.
    assert_eq!(status(&relay.got("/metrics", &cookie)), "404");
    assert_eq!(status(&relay.got("/murmur.v1.AdminService/ListTasks", &cookie)), "404");
    let host = relay.address;
    let post = format!("POST /page/state HTTP/1.1\nHost: {host}\n{cookie}Content-Length: 0\nConnection: close\n\n");
    assert_eq!(status(&relay.asked(&post)), "405", "nothing but a look");
    for other in ["Origin: http://evil.example\n", "Sec-Fetch-Site: cross-site\n"] {
        assert_eq!(status(&relay.got("/page/state", &format!("{cookie}{other}"))), "403", "{other}");
    }

    assert_eq!(terminate(running).await.status.code(), Some(0));
    let away = relay.got("/", &cookie);
    assert!(away.starts_with("HTTP/1.1 502") && away.contains("The coordinator is away"), "{away}");
    assert_eq!(status(&relay.got("/page/state", &cookie)), "502");
    // Another process, at another admin port.
    let running = site.serve();
    site.until("the page is there again", |_| status(&relay.got("/page/state", &cookie)) == "200").await;
    terminate(running).await;
}

#[test]
fn the_page_is_shown_on_this_machine_and_for_a_deployment_alone() {
    let site = Site::new();
    let open = site.command(&["page", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2), "{open:?}");
    assert!(open.stderr.contains("on this machine alone"), "{}", open.stderr);
    let nowhere = crate::process::command(site.path(), &["page", "--data-dir", "elsewhere"]);
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
    assert!(nowhere.stderr.contains("operator.pem"), "{}", nowhere.stderr);
}
