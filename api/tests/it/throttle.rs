use crate::harness::{Answer, PASSWORD, Service, from_address, request};
use serde_json::json;
use std::time::Duration;

async fn login_from(service: &Service, address: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    let mut request = request("POST", "/api/v1/auth/login", None, Some(body));
    from_address(&mut request, address);
    service.send(request).await
}

#[tokio::test]
async fn an_account_rests_after_five_failures() {
    let service = Service::start().await;
    for number in 0..5 {
        let address = format!("198.51.100.{number}:1");
        login_from(&service, &address, "viewer@shop.example", "wrong password").await.expect(401);
    }
    let refused = login_from(&service, "198.51.100.9:1", "viewer@shop.example", PASSWORD).await;
    refused.expect(429);
    let after: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=300).contains(&after), "{after}");
    login_from(&service, "198.51.100.9:1", "analyst@shop.example", PASSWORD).await.expect(200);
    service.clock.advance(Duration::from_secs(301));
    login_from(&service, "198.51.100.9:1", "viewer@shop.example", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn also_an_account_that_does_not_exist() {
    let service = Service::start().await;
    for number in 0..5 {
        let address = format!("198.51.100.{number}:1");
        login_from(&service, &address, "nobody@shop.example", "wrong password").await.expect(401);
    }
    login_from(&service, "198.51.100.9:1", "nobody@shop.example", "wrong password").await.expect(429);
}

#[tokio::test]
async fn an_address_rests_after_five_failures() {
    let service = Service::start().await;
    for number in 0..5 {
        login_from(&service, "198.51.100.1:1", &format!("n{number}@shop.example"), "wrong password")
            .await
            .expect(401);
    }
    login_from(&service, "198.51.100.1:2", "viewer@shop.example", PASSWORD).await.expect(429);
    login_from(&service, "198.51.100.2:1", "viewer@shop.example", PASSWORD).await.expect(200);
}

/// A volley at many accounts must not pass the count together.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_rests_also_when_it_guesses_at_many_accounts_at_once() {
    let service = Service::start().await;
    let guesses = (0..40).map(|number| {
        let email = format!("n{number}@shop.example");
        let service = &service;
        async move { login_from(service, "198.51.100.1:1", &email, "wrong password").await.status.as_u16() }
    });
    let statuses = futures::future::join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 35, "{statuses:?}");
}

#[tokio::test]
async fn a_success_makes_up_for_the_failures_of_the_account_not_of_the_address() {
    let service = Service::start().await;
    for number in 0..4 {
        let address = format!("198.51.100.{number}:1");
        login_from(&service, &address, "viewer@shop.example", "wrong password").await.expect(401);
    }
    login_from(&service, "198.51.100.7:1", "viewer@shop.example", PASSWORD).await.expect(200);
    for number in 10..14 {
        let address = format!("198.51.100.{number}:1");
        login_from(&service, &address, "viewer@shop.example", "wrong password").await.expect(401);
    }
    // Guesses at others, with the own account in between.
    for number in 0..5 {
        login_from(&service, "203.0.113.1:1", &format!("n{number}@shop.example"), "wrong password")
            .await
            .expect(401);
        if number < 4 {
            login_from(&service, "203.0.113.1:1", "analyst@shop.example", PASSWORD).await.expect(200);
        }
    }
    login_from(&service, "203.0.113.1:1", "analyst@shop.example", PASSWORD).await.expect(429);
}

#[tokio::test]
async fn a_volley_of_guesses_does_not_pass_the_count() {
    let service = Service::start().await;
    let guesses = (0..40).map(|number| {
        let service = &service;
        async move {
            let address = format!("198.51.100.{number}:1");
            login_from(service, &address, "viewer@shop.example", "wrong password").await.status.as_u16()
        }
    });
    let statuses = futures::future::join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5);
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 35);
}

#[tokio::test]
async fn requests_are_counted_per_user_and_per_address() {
    let service = Service::with(|config| {
        config.limits.user_requests_per_minute = 3;
        config.limits.anonymous_requests_per_minute = 5;
    })
    .await;
    let (viewer, analyst) = (service.token("viewer").await, service.token("analyst").await);
    let me = async |token: &str| service.get("/api/v1/auth/me", token).await;
    for _ in 0..3 {
        me(&viewer).await.expect(200);
    }
    let refused = me(&viewer).await;
    refused.expect(429);
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    me(&analyst).await.expect(200);
    // Two logins were counted to the address.
    for _ in 0..3 {
        service.call("GET", "/api/v1/auth/me", None, None).await.expect(401);
    }
    service.call("GET", "/api/v1/auth/me", None, None).await.expect(429);
    service.call("GET", "/health", None, None).await.expect(200);
    service.clock.advance(Duration::from_secs(61));
    me(&viewer).await.expect(200);
    service.call("GET", "/api/v1/auth/me", None, None).await.expect(401);
}

/// A trial takes a thread for as long as it lasts.
#[tokio::test]
async fn few_pipelines_are_tried_at_once() {
    let service = Service::start().await;
    let analyst = service.token("analyst").await;
    let trial = json!({"pipeline": {"processors": []}, "docs": [{"_source": {}}]});
    let try_one = async || {
        let answer = service.post("/api/v1/pipelines/any/simulate", &analyst, trial.clone()).await;
        answer.status.as_u16()
    };
    let mut running: Vec<_> = std::iter::from_fn(|| service.app.simulate_permit().ok()).take(100).collect();
    assert!((1..100).contains(&running.len()), "{} at once", running.len());
    assert_eq!(try_one().await, 429);
    drop(running.pop());
    // It gives its place back each time.
    assert_eq!((try_one().await, try_one().await), (200, 200));
}
