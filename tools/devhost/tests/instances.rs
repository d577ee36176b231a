//! How long an instance lives, how many requests it serves, and who dies with it.

#![allow(clippy::disallowed_methods, reason = "tests wait for what they started")]

mod hosts;

use hosts::{Host, Setup, http::Request, kinds, on_each_host};
use std::{collections::BTreeMap, thread, time::Duration};

/// Which instance answered, and how many such requests it had seen.
#[track_caller]
fn identity(answer: &str) -> (String, usize) {
    let (instance, count) = answer.split_once(' ').expect(answer);
    (instance.to_owned(), count.parse().unwrap())
}

/// Highest count of each instance.
fn counts(answers: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        let (instance, count) = identity(&answer);
        let highest = counts.entry(instance).or_default();
        *highest = count.max(*highest);
    }
    counts
}

/// Sends the same request so many times at once.
fn at_once(host: &Host, path: &str, times: usize) -> Vec<String> {
    thread::scope(|scope| {
        let requests: Vec<_> = (0..times).map(|_| scope.spawn(|| host.get(path).text())).collect();
        requests.into_iter().map(|request| request.join().unwrap()).collect()
    })
}

#[test]
fn a_static_survives_128_requests_and_no_more() {
    on_each_host(&[], |host| {
        let counts = counts((0..400).map(|_| host.get("/instance").text()));
        let most = counts.values().max();
        assert_eq!(most, Some(&128), "{}: {counts:?}", host.kind.name);
    });
}

#[test]
fn the_number_of_requests_can_be_set() {
    on_each_host(&["--max-instance-reuse-count", "1"], |host| {
        let counts = counts((0..10).map(|_| host.get("/instance").text()));
        assert_eq!(counts.len(), 10, "{}: {counts:?}", host.kind.name);
    });
    on_each_host(&["--max-instance-reuse-count", "2..5"], |host| {
        let counts = counts((0..60).map(|_| host.get("/instance").text()));
        let most = *counts.values().max().unwrap();
        assert!((2..5).contains(&most), "{}: {counts:?}", host.kind.name);
    });
}

#[test]
fn sixteen_requests_share_an_instance_and_no_more() {
    on_each_host(&[], |host| {
        let counts = counts(at_once(host, "/sleep?ms=1500", 40));
        let most = *counts.values().max().unwrap();
        assert!(most > 1 && most <= 16, "{}: {counts:?}", host.kind.name);
    });
    on_each_host(&["--max-instance-concurrent-reuse-count", "1"], |host| {
        let counts = counts(at_once(host, "/sleep?ms=1500", 10));
        assert_eq!(counts.len(), 10, "{}: {counts:?}", host.kind.name);
    });
}

#[test]
fn an_idle_instance_goes_after_a_second() {
    on_each_host(&[], |host| {
        let before = identity(&host.get("/instance").text());
        thread::sleep(Duration::from_millis(1_600));
        let after = identity(&host.get("/instance").text());
        assert_ne!(before.0, after.0, "{}: it is still there", host.kind.name);
    });
    on_each_host(&["--idle-instance-timeout", "30s"], |host| {
        let before = identity(&host.get("/instance").text());
        thread::sleep(Duration::from_millis(1_600));
        let after = identity(&host.get("/instance").text());
        assert_eq!(before.0, after.0, "{}: it is gone", host.kind.name);
    });
}

#[test]
fn a_trap_takes_the_requests_of_its_own_instance_and_nobody_elses() {
    on_each_host(&["--max-instance-concurrent-reuse-count", "2"], |host| {
        thread::scope(|scope| {
            let sleeper = || {
                let sleeper = scope.spawn(|| host.send(&Request::get("/sleep?ms=4000")));
                // Long enough for it to be asleep, so that the next request finds its instance able to take one.
                thread::sleep(Duration::from_millis(400));
                sleeper
            };
            // Two fill the first instance, so the third has to start another, and the panic finds its place beside the third.
            let (first, second, third) = (sleeper(), sleeper(), sleeper());
            let panicked = host.get("/panic");
            assert_eq!((panicked.status, panicked.body.len()), (500, 0), "{}: the panic", host.kind.name);
            let third = third.join().unwrap();
            assert_eq!((third.status, third.body.len()), (500, 0), "{}: its neighbour", host.kind.name);
            for other in [first, second] {
                assert_eq!(other.join().unwrap().status, 200, "{}: another instance", host.kind.name);
            }
        });
    });
}

#[test]
fn an_error_that_is_not_a_trap_harms_nobody() {
    on_each_host(&["--idle-instance-timeout", "30s"], |host| {
        let before = identity(&host.get("/instance").text());
        let failed = host.get("/fail");
        assert_eq!((failed.status, failed.body.len()), (500, 0), "{}", host.kind.name);
        let after = identity(&host.get("/instance").text());
        assert_eq!((before.0, before.1 + 1), after, "{}: the instance is gone", host.kind.name);
    });
}

#[test]
fn a_request_may_be_given_a_limit() {
    on_each_host(&["--request-timeout", "500ms"], |host| {
        let reply = host.get("/hang");
        assert_eq!((reply.status, reply.body.len()), (500, 0), "{}", host.kind.name);
    });
}

#[test]
fn an_instance_may_be_given_less_memory() {
    for kind in kinds() {
        let host = Setup::new(&kind).arguments(&["--max-instance-memory", "4194304"]).start();
        assert_eq!(host.post("/echo", &"x".repeat(1_000)).status, 200, "{}", kind.name);
        assert_eq!(host.post("/echo", &"x".repeat(1_900_000)).status, 500, "{}", kind.name);
    }
}
