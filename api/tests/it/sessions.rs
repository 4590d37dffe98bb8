use crate::harness::{PASSWORD, Service};
use serde_json::{Value, json};
use std::time::Duration;

fn token(login: &Value) -> &str {
    login["access_token"].as_str().unwrap()
}

async fn me(service: &Service, login: &Value) -> u16 {
    service.get("/api/v1/auth/me", token(login)).await.status.as_u16()
}

#[tokio::test]
async fn access_tokens_end_after_half_an_hour() {
    let service = Service::start().await;
    let login = service.login("viewer").await;
    service.clock.advance(Duration::from_secs(1_799));
    assert_eq!(me(&service, &login).await, 200);
    service.clock.advance(Duration::from_secs(1));
    assert_eq!(me(&service, &login).await, 401);
    let renewed = service.refresh(&login).await.expect(200);
    assert_eq!(me(&service, &renewed).await, 200);
}

#[tokio::test]
async fn refresh_tokens_end_after_seven_days_without_use() {
    let service = Service::start().await;
    let day = Duration::from_secs(24 * 3600);
    let mut login = service.login("viewer").await;
    for _ in 0..3 {
        service.clock.advance(day * 6);
        login = service.refresh(&login).await.expect(200);
    }
    service.clock.advance(day * 7);
    service.refresh(&login).await.expect(401);
}

#[tokio::test]
async fn a_second_use_of_a_refresh_token_ends_the_session() {
    let service = Service::start().await;
    let first = service.login("viewer").await;
    let second = service.refresh(&first).await.expect(200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let other = service.login("viewer").await;
    service.refresh(&first).await.expect(401);
    assert_eq!(me(&service, &second).await, 401, "the family is revoked");
    service.refresh(&second).await.expect(401);
    assert_eq!(me(&service, &other).await, 200, "other sessions are not");
    service.refresh(&other).await.expect(200);
}

#[tokio::test]
async fn of_many_uses_at_the_same_time_one_at_most_succeeds() {
    let service = Service::start().await;
    let login = service.login("viewer").await;
    let answers = futures::future::join_all((0..16).map(|_| service.refresh(&login))).await;
    let succeeded = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(succeeded <= 1, "{succeeded}");
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 401));
}

#[tokio::test]
async fn logout_is_effective_at_once() {
    let service = Service::start().await;
    let (one, two) = (service.login("viewer").await, service.login("viewer").await);
    assert_eq!((me(&service, &one).await, me(&service, &two).await), (200, 200));
    service.call("POST", "/api/v1/auth/logout", Some(token(&one)), None).await.expect(204);
    assert_eq!((me(&service, &one).await, me(&service, &two).await), (401, 200));
    service.refresh(&one).await.expect(401);
    let three = service.login("viewer").await;
    service.call("POST", "/api/v1/auth/logout-all", Some(token(&two)), None).await.expect(204);
    assert_eq!((me(&service, &two).await, me(&service, &three).await), (401, 401));
}

#[tokio::test]
async fn changes_of_an_account_reach_its_sessions_at_once() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    let login = service.login("analyst").await;
    let path = format!("/api/v1/users/{}", login["user"]["id"].as_str().unwrap());
    let fields = async || service.get("/api/v1/search/fields", token(&login)).await.status.as_u16();
    assert_eq!(fields().await, 200);
    service.call("PATCH", &path, Some(&admin), Some(json!({"roles": ["viewer"]}))).await.expect(200);
    assert_eq!(fields().await, 403);
    service.call("PATCH", &path, Some(&admin), Some(json!({"roles": ["analyst"]}))).await.expect(200);
    assert_eq!(fields().await, 200);
    service.call("PATCH", &path, Some(&admin), Some(json!({"active": false}))).await.expect(200);
    assert_eq!(fields().await, 401);
    service.refresh(&login).await.expect(401);
    service.login_with("analyst@shop.example", PASSWORD).await.expect(403);
    service.login_with("analyst@shop.example", "wrong password").await.expect(401);
    service.call("PATCH", &path, Some(&admin), Some(json!({"active": true}))).await.expect(200);
    let login = service.login("analyst").await;
    service.call("DELETE", &path, Some(&admin), None).await.expect(204);
    assert_eq!(me(&service, &login).await, 401);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let service = Service::start().await;
    let (one, two) = (service.login("viewer").await, service.login("viewer").await);
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        service.post("/api/v1/auth/password", token(&one), body).await
    };
    change("not the current one", "another password").await.expect(400);
    change(PASSWORD, "short").await.expect(400);
    change(PASSWORD, "another password").await.expect(204);
    assert_eq!((me(&service, &one).await, me(&service, &two).await), (200, 401));
    service.login_with("viewer@shop.example", PASSWORD).await.expect(401);
    service.login_with("viewer@shop.example", "another password").await.expect(200);
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_only() {
    let service = Service::start().await;
    let (one, two, other) =
        (service.login("viewer").await, service.login("viewer").await, service.login("analyst").await);
    let sessions = service.get("/api/v1/auth/sessions", token(&one)).await.expect(200);
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    assert!(sessions.iter().all(|session| session["address"] == "192.0.2.1"));
    let second = sessions.iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/api/v1/auth/sessions/{}", second["id"].as_str().unwrap());
    service.call("DELETE", &path, Some(token(&other)), None).await.expect(404);
    assert_eq!(me(&service, &two).await, 200);
    service.call("DELETE", &path, Some(token(&one)), None).await.expect(204);
    assert_eq!(me(&service, &two).await, 401);
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let service = Service::start().await;
    let login = service.login("viewer").await;
    for bad in ["", "x", "x.y.z", login["refresh_token"].as_str().unwrap()] {
        service.get("/api/v1/auth/me", bad).await.expect(401);
    }
    for body in [json!({"refresh_token": ""}), json!({"refresh_token": token(&login)})] {
        service.call("POST", "/api/v1/auth/refresh", None, Some(body)).await.expect(401);
    }
}
