//! Memberships: who may change and end which, at once in every component, and never without an owner left.

use e2e::{Answer, App, Member};
use futures::future::join_all;
use serde_json::{Value, json};

async fn refresh(member: &Member) -> Member {
    let body = json!({ "refresh_token": member.refresh_token });
    let tokens = member.anonymous.post("/auth/refresh", &body).await.expect(200);
    let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
    Member { token: text("access_token"), refresh_token: text("refresh_token"), ..member.clone() }
}

/// Who is an owner, by the list and by the tenant's counter.
async fn owners(app: &App, owner: &Member) -> (usize, i64) {
    let rows = app
        .database
        .rows(&format!(
            "select t.owner_count::bigint, count(*) filter (where m.role = 'owner') as owners
               from auth.tenants t join auth.memberships m on m.tenant_id = t.id
              where t.id = '{}' group by t.owner_count",
            owner.tenant()
        ))
        .await;
    (sqlx::Row::get::<i64, _>(&rows[0], "owners") as usize, sqlx::Row::get(&rows[0], "owner_count"))
}

#[tokio::test]
async fn members_are_listed_with_their_address_and_role() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let admin = owner.colleague(app, "admin").await;
    let viewer = owner.colleague(app, "viewer").await;
    let page = viewer.get("/memberships").await.expect(200);
    let shown: Vec<_> = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["user_id"].clone(), row["email"].clone(), row["role"].clone(), row["is_verified"].clone()))
        .collect();
    let expected: Vec<_> = [(&owner, "owner"), (&admin, "admin"), (&viewer, "viewer")]
        .into_iter()
        .map(|(member, role)| (member.account["id"].clone(), json!(member.email), json!(role), json!(false)))
        .collect();
    assert_eq!(shown, expected);
    assert_eq!(page["data"][0].as_object().unwrap().len(), 5, "{page}");

    let admins = owner.get("/memberships?role=admin").await.expect(200);
    assert_eq!(admins["data"], json!([page["data"][1]]));
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/memberships?limit=2{cursor}")).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(json!(seen), page["data"]);
    owner.get("/memberships?role=boss").await.problem(400, "invalid_parameter");
    owner.get("/memberships?email=x").await.problem(400, "unknown_parameter");

    let program = owner.program(&owner.make_api_key(&["members:read"]).await);
    assert_eq!(program.get("/memberships").await.expect(200), page);
    program.delete(&format!("/memberships/{}", owner.account["id"].as_str().unwrap())).await.problem(403, "forbidden");
}

#[tokio::test]
async fn each_role_reaches_as_far_as_the_table_says() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let second = owner.colleague(app, "viewer").await;
    assert_eq!(owner.give_role(&second, "owner").await.expect(200)["role"], "owner");
    let (admin, other_admin) = (owner.colleague(app, "admin").await, owner.colleague(app, "admin").await);
    let (member, viewer) = (owner.colleague(app, "member").await, owner.colleague(app, "viewer").await);

    // Administrators: all but owners, and nobody up to owner, also not themselves.
    admin.give_role(&viewer, "member").await.expect(200);
    admin.give_role(&viewer, "admin").await.expect(200);
    admin.give_role(&other_admin, "viewer").await.expect(200);
    for refused in [
        admin.give_role(&member, "owner").await,
        admin.give_role(&admin, "owner").await,
        admin.give_role(&second, "viewer").await,
        admin.give_role(&second, "owner").await,
        admin.show_out(&second).await,
    ] {
        refused.problem(403, "forbidden");
    }
    // Members and viewers: nobody but, to leave, themselves.
    for mate in [&member, &other_admin] {
        mate.give_role(mate, "admin").await.problem(403, "forbidden");
        mate.give_role(&viewer, "viewer").await.problem(403, "forbidden");
        mate.show_out(&viewer).await.problem(403, "forbidden");
        mate.show_out(&second).await.problem(403, "forbidden");
    }
    admin.show_out(&viewer).await.expect(204);
    admin.show_out(&viewer).await.problem(404, "user_not_found");
    admin.give_role(&viewer, "viewer").await.problem(404, "user_not_found");
    // Owners: everybody, owners too.
    owner.give_role(&second, "member").await.expect(200);
    owner.give_role(&admin, "owner").await.expect(200);
    admin.show_out(&owner).await.expect(204);
    assert_eq!(owners(app, &owner).await, (1, 1));

    admin.give_role(&member, "boss").await.problem(422, "validation_failed");
    admin.patch("/memberships/me", &json!({ "role": "viewer" })).await.problem(400, "malformed_id");
}

#[tokio::test]
async fn a_demotion_and_a_removal_act_on_the_next_request_everywhere() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let mate = owner.colleague(app, "member").await;
    mate.create_lead(json!({ "email": "lead@example.com" })).await;

    owner.give_role(&mate, "viewer").await.expect(200);
    mate.get("/leads").await.expect(200);
    mate.post("/leads", &json!({ "email": "b@example.com" })).await.problem(403, "forbidden");
    mate.get("/memberships").await.expect(200);
    owner.give_role(&mate, "member").await.expect(200);
    mate.create_lead(json!({ "email": "b@example.com" })).await;

    owner.show_out(&mate).await.expect(204);
    for path in ["/leads", "/memberships", "/users/me", "/tenants"] {
        mate.get(path).await.problem(401, "unauthenticated");
    }
    // The session is the person's own, and goes on in their next tenant.
    let elsewhere = refresh(&mate).await;
    assert_eq!(elsewhere.get("/users/me").await.expect(200)["tenant"]["id"], mate.account["tenant"]["id"]);
    assert_eq!(elsewhere.get("/leads").await.expect(200)["data"], json!([]));

    let target = mate.account["id"].as_str().unwrap();
    let log = owner.get(&format!("/audit-log?target={target}&limit=3")).await.expect(200);
    let entries: Vec<_> = log["data"].as_array().unwrap().iter().map(|e| (&e["action"], &e["details"])).collect();
    assert_eq!(
        entries,
        [
            (&json!("membership.ended"), &json!({ "role": "member" })),
            (&json!("membership.changed"), &json!({ "from": "viewer", "to": "member" })),
            (&json!("membership.changed"), &json!({ "from": "member", "to": "viewer" })),
        ]
    );
    assert_eq!(log["data"][0]["target"], json!({ "type": "membership", "id": target }));
}

#[tokio::test]
async fn everybody_may_leave_but_the_last_owner() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    for role in ["viewer", "member", "admin"] {
        let mate = owner.colleague(app, role).await;
        mate.show_out(&mate).await.expect(204);
        mate.get("/leads").await.problem(401, "unauthenticated");
    }
    owner.show_out(&owner).await.problem(409, "last_owner");
    owner.give_role(&owner, "admin").await.problem(409, "last_owner");
    owner.give_role(&owner, "owner").await.expect(200);
    assert_eq!(owners(app, &owner).await, (1, 1));

    let heir = owner.colleague(app, "member").await;
    owner.give_role(&heir, "owner").await.expect(200);
    owner.give_role(&owner, "viewer").await.expect(200);
    heir.show_out(&heir).await.problem(409, "last_owner");
    heir.show_out(&owner).await.expect(204);
    assert_eq!(owners(app, &owner).await, (1, 1));
}

/// Exactly one is refused, with a word that fits.
#[track_caller]
fn all_but_one(answers: &[Answer], done: u16) {
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != done).collect();
    assert_eq!(refused.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    match refused[0].status.as_u16() {
        409 => refused[0].problem(409, "last_owner"),
        _ => refused[0].problem(403, "forbidden"),
    };
}

#[tokio::test]
async fn two_last_owners_who_demote_each_other_at_once_leave_one() {
    let app = App::shared();
    for _ in 0..4 {
        let one = Member::owner(app).await;
        let other = one.colleague(app, "member").await;
        one.give_role(&other, "owner").await.expect(200);
        let (first, second) = futures::join!(one.give_role(&other, "member"), other.give_role(&one, "member"));
        all_but_one(&[first, second], 200);
        assert_eq!(owners(app, &one).await, (1, 1));
    }
}

#[tokio::test]
async fn of_16_owners_who_step_down_or_leave_at_once_one_stays() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let others = join_all((1..16).map(|_| owner.colleague(app, "admin"))).await;
    for other in &others {
        owner.give_role(other, "owner").await.expect(200);
    }
    let everybody: Vec<&Member> = others.iter().chain([&owner]).collect();
    assert_eq!(owners(app, &owner).await, (16, 16));
    let answers = join_all(everybody.iter().map(|member| member.give_role(member, "admin"))).await;
    all_but_one(&answers, 200);
    assert_eq!(owners(app, &owner).await, (1, 1));

    let last = everybody[answers.iter().position(|answer| answer.status != 200).unwrap()];
    for other in everybody.iter().filter(|other| other.email != last.email) {
        last.give_role(other, "owner").await.expect(200);
    }
    let answers = join_all(everybody.iter().map(|member| member.show_out(member))).await;
    all_but_one(&answers, 204);
    assert_eq!(owners(app, &owner).await, (1, 1));
}

#[tokio::test]
async fn nobody_of_another_tenant_is_a_member_here() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let mate = owner.colleague(app, "member").await;
    stranger.give_role(&mate, "viewer").await.problem(404, "user_not_found");
    stranger.show_out(&mate).await.problem(404, "user_not_found");
    let listed = stranger.get("/memberships").await.expect(200)["data"].clone();
    assert_eq!(listed.as_array().unwrap().iter().map(|row| &row["email"]).collect::<Vec<_>>(), [&stranger.email]);
    mate.get("/leads").await.expect(200);
}

#[tokio::test]
async fn who_loses_a_role_takes_their_invitations_with_them() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let (leaving, demoted) = (owner.colleague(app, "admin").await, owner.colleague(app, "admin").await);
    owner.give_role(&demoted, "owner").await.expect(200);
    leaving.invite(&e2e::personas::fresh_email(), "admin").await;
    demoted.invite(&e2e::personas::fresh_email(), "owner").await;
    let stays = demoted.invite(&e2e::personas::fresh_email(), "member").await;

    owner.show_out(&leaving).await.expect(204);
    owner.give_role(&demoted, "admin").await.expect(200);
    let pending = owner.get("/invitations?status=pending").await.expect(200);
    assert_eq!(pending["data"], json!([stays]));
    let log = owner.get("/audit-log?action=invitation.withdrawn").await.expect(200);
    let reasons: Vec<&Value> = log["data"].as_array().unwrap().iter().map(|e| &e["details"]["reason"]).collect();
    assert_eq!(reasons, ["inviter_lost_right", "inviter_lost_right"]);
}
