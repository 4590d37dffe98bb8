use crate::harness::{PASSWORD, Service};
use api::Registration;
use serde_json::{Value, json};

fn newcomer(email: &str) -> Value {
    json!({"email": email, "password": "a new password", "first_name": "Nina", "last_name": "Neu"})
}

#[tokio::test]
async fn login_gives_tokens_and_the_account() {
    let service = Service::start().await;
    let login = service.login_with(" Admin@Shop.example ", PASSWORD).await.expect(200);
    assert_eq!(login["token_type"], "Bearer");
    assert_eq!(login["expires_in"], 1_800);
    assert_eq!(login["user"]["email"], "admin@shop.example");
    assert_eq!(login["user"]["roles"], json!(["admin"]));
    assert!(login["user"].get("password_hash").is_none());
    let me = service.get("/api/v1/auth/me", login["access_token"].as_str().unwrap()).await.expect(200);
    assert_eq!(me["id"], login["user"]["id"]);
    assert_eq!(me["last_login_at"], "2026-11-21T12:00:00Z");
}

#[tokio::test]
async fn older_names_of_routes_still_work() {
    let service = Service::with(|config| config.accounts.registration = Registration::Open).await;
    for (number, path) in
        ["/users/add", "/api/v1/users/add", "/api/users/add", "/auth/register"].into_iter().enumerate()
    {
        let body = newcomer(&format!("n{number}@shop.example"));
        service.call("POST", path, None, Some(body)).await.expect(201);
    }
    let body = json!({"email": "n0@shop.example", "password": "a new password"});
    for path in ["/users/auth", "/api/v1/users/auth", "/api/users/auth", "/auth/login", "/api/auth/login"] {
        service.call("POST", path, None, Some(body.clone())).await.expect(200);
    }
}

#[tokio::test]
async fn a_change_answers_with_what_was_written() {
    let service = Service::start().await;
    let token = service.token("viewer").await;
    service.clock.advance(std::time::Duration::from_secs(5));
    let body = json!({"first_name": "Vera"});
    let changed = service.call("PATCH", "/api/v1/auth/me", Some(&token), Some(body)).await.expect(200);
    assert_eq!(changed["updated_at"], service.get("/api/v1/auth/me", &token).await.expect(200)["updated_at"]);
    assert_eq!(changed["updated_at"], "2026-11-21T12:00:05Z");
}

#[tokio::test]
async fn wrong_password_and_no_such_account_look_the_same() {
    let service = Service::start().await;
    let strip = |mut answer: Value| {
        answer.as_object_mut().unwrap().remove("trace_id");
        answer
    };
    let wrong = strip(service.login_with("viewer@shop.example", "wrong password").await.expect(401));
    for nobody in ["nobody@shop.example", "not an address", ""] {
        assert_eq!(strip(service.login_with(nobody, "wrong password").await.expect(401)), wrong);
    }
}

#[tokio::test]
async fn registration_does_not_tell_who_has_an_account() {
    let service = Service::with(|config| config.accounts.registration = Registration::Open).await;
    let shape = |mut answer: Value| {
        let id = answer["id"].take();
        assert_eq!(id.as_str().unwrap().len(), 36);
        answer["email"].take();
        answer
    };
    let fresh =
        service.call("POST", "/api/v1/auth/register", None, Some(newcomer("nina@shop.example"))).await;
    let taken =
        service.call("POST", "/api/v1/auth/register", None, Some(newcomer("admin@shop.example"))).await;
    let mut names: Vec<&str> = fresh.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let mut others: Vec<&str> = taken.headers.keys().map(|name| name.as_str()).collect();
    others.sort_unstable();
    assert_eq!(names, others);
    let (fresh, taken) = (fresh.expect(201), taken.expect(201));
    assert_eq!(fresh["roles"], json!(["viewer"]));
    assert_eq!(shape(fresh), shape(taken));
    service.login_with("admin@shop.example", "a new password").await.expect(401);
    service.login_with("nina@shop.example", "a new password").await.expect(200);
}

#[tokio::test]
async fn registration_is_closed_unless_opened() {
    let service = Service::start().await;
    service
        .call("POST", "/api/v1/auth/register", None, Some(newcomer("nina@shop.example")))
        .await
        .expect(403);
}

#[tokio::test]
async fn an_invitation_works_once_and_for_its_address() {
    let service = Service::with(|config| config.accounts.registration = Registration::Invite).await;
    let admin = service.token("admin").await;
    let invite = json!({"email": "nina@shop.example", "roles": ["analyst"]});
    let invitation = service.post("/api/v1/users/invitations", &admin, invite).await.expect(201);
    let register = async |email: &str, token: Option<&Value>| {
        let mut body = newcomer(email);
        if let Some(token) = token {
            body["invitation"] = token.clone();
        }
        service.call("POST", "/api/v1/auth/register", None, Some(body)).await
    };
    let token = &invitation["token"];
    register("nina@shop.example", None).await.expect(403);
    register("nina@shop.example", Some(&json!("x".repeat(43)))).await.expect(403);
    register("other@shop.example", Some(token)).await.expect(403);
    assert_eq!(register("nina@shop.example", Some(token)).await.expect(201)["roles"], json!(["analyst"]));
    register("nina@shop.example", Some(token)).await.expect(403);
}

#[tokio::test]
async fn input_is_checked_with_the_field_named() {
    let service = Service::with(|config| config.accounts.registration = Registration::Open).await;
    let check = async |change: Value, field: &str| {
        let mut body = newcomer("nina@shop.example");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let problem = service.call("POST", "/api/v1/auth/register", None, Some(body)).await.expect(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    };
    check(json!({"password": "short"}), "password").await;
    check(json!({"password": "x".repeat(73)}), "password").await;
    check(json!({"first_name": "x".repeat(101)}), "first_name").await;
    check(json!({"last_name": "a\u{7}b"}), "last_name").await;
    check(json!({"email": "nobody"}), "email").await;
    check(json!({"email": 5}), "email").await;
}

#[tokio::test]
async fn admins_manage_accounts() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    let body =
        json!({"email": "Nina@shop.example", "password": "a new password", "roles": ["user", "analyst"]});
    let user = service.post("/api/v1/users", &admin, body.clone()).await.expect(201);
    assert_eq!(user["roles"], json!(["viewer", "analyst"]));
    service.post("/api/v1/users", &admin, body).await.expect(409);
    let path = format!("/api/v1/users/{}", user["id"].as_str().unwrap());
    assert_eq!(service.get(&path, &admin).await.expect(200), user);
    let change = json!({"first_name": "Nina", "roles": ["viewer"], "verified": true});
    let changed = service.call("PATCH", &path, Some(&admin), Some(change)).await.expect(200);
    assert_eq!((&changed["first_name"], &changed["verified"]), (&json!("Nina"), &json!(true)));
    let taken = json!({"email": "viewer@shop.example"});
    service.call("PATCH", &path, Some(&admin), Some(taken)).await.expect(409);
    service.call("PATCH", &path, Some(&admin), Some(json!({"roles": []}))).await.expect(400);
    service.call("PATCH", &path, Some(&admin), Some(json!({"rolse": []}))).await.expect(400);
    service.call("DELETE", &path, Some(&admin), None).await.expect(204);
    service.get(&path, &admin).await.expect(404);
    service.call("DELETE", &path, Some(&admin), None).await.expect(404);
}

#[tokio::test]
async fn accounts_are_listed_in_pages() {
    let service = Service::start().await;
    let admin = service.token("admin").await;
    for number in 0..7 {
        service.clock.advance(std::time::Duration::from_secs(1));
        let body = json!({"email": format!("n{number}@shop.example"), "password": "a new password"});
        service.post("/api/v1/users", &admin, body).await.expect(201);
    }
    let mut emails = Vec::new();
    let mut path = "/api/v1/users?limit=3".to_owned();
    loop {
        let page = service.get(&path, &admin).await.expect(200);
        emails.extend(
            page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/api/v1/users?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(
        emails[..7],
        ["n6", "n5", "n4", "n3", "n2", "n1", "n0"].map(|name| format!("{name}@shop.example"))
    );
    assert_eq!(emails.len(), 10);
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=%22"] {
        service.get(&format!("/api/v1/users?{bad}"), &admin).await.expect(400);
    }
}

#[tokio::test]
async fn the_last_active_admin_stays() {
    let service = Service::start().await;
    let login = service.login("admin").await;
    let admin = login["access_token"].as_str().unwrap();
    let path = format!("/api/v1/users/{}", login["user"]["id"].as_str().unwrap());
    for change in [json!({"roles": ["analyst"]}), json!({"active": false})] {
        service.call("PATCH", &path, Some(admin), Some(change)).await.expect(409);
    }
    service.call("DELETE", &path, Some(admin), None).await.expect(409);
    let second = json!({"email": "second@shop.example", "password": PASSWORD, "roles": ["admin"]});
    service.post("/api/v1/users", admin, second).await.expect(201);
    let second = service.login("second").await;
    let other = format!("/api/v1/users/{}", second["user"]["id"].as_str().unwrap());
    let token = second["access_token"].as_str().unwrap();
    // Both at once: one of them stays.
    let (one, two) = tokio::join!(
        service.call("DELETE", &path, Some(token), None),
        service.call("DELETE", &other, Some(admin), None),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert!(statuses == [204, 409] || statuses == [204, 401], "{statuses:?}");
    assert!(service.accounts.has_admin().await.unwrap());
}

#[tokio::test]
async fn the_first_admin_is_made_once() {
    let service = Service::start().await;
    let made = service
        .accounts
        .ensure_admin("x@shop.example".parse().unwrap(), api::auth::Password::new(PASSWORD))
        .await;
    assert!(!made.unwrap());
}

#[tokio::test]
async fn the_own_account_can_be_changed_but_not_its_rights() {
    let service = Service::start().await;
    let viewer = service.token("viewer").await;
    let me = service
        .call("PATCH", "/api/v1/auth/me", Some(&viewer), Some(json!({"first_name": "V"})))
        .await
        .expect(200);
    assert_eq!(me["first_name"], "V");
    for body in [json!({"roles": ["admin"]}), json!({"active": true}), json!({"email": "x@y"})] {
        service.call("PATCH", "/api/v1/auth/me", Some(&viewer), Some(body)).await.expect(400);
    }
}
