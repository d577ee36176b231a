//! Log-ins that fail too often wait, and of many at once no more get through than the rule allows.

use e2e::{App, Member, personas::PASSWORD};
use futures::future::join_all;

#[tokio::test]
async fn five_failures_are_free_then_even_the_right_password_waits() {
    let owner = Member::owner(App::shared()).await;
    for _ in 0..5 {
        owner.anonymous.log_in(&owner.email, "wrong").await.problem(400, "bad_credentials");
    }
    let answer = owner.anonymous.log_in(&owner.email, PASSWORD).await;
    answer.problem(429, "log_in_throttled");
    assert_eq!(answer.header("retry-after"), "1");
    // A token that is out already is not touched.
    owner.get("/users/me").await.expect(200);
}

#[tokio::test]
async fn a_success_wipes_the_slate() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    for _ in 0..3 {
        for _ in 0..4 {
            owner.anonymous.log_in(&owner.email, "wrong").await.problem(400, "bad_credentials");
        }
        owner.anonymous.log_in(&owner.email, PASSWORD).await.expect(200);
    }
}

#[tokio::test]
async fn of_32_at_once_five_are_tried() {
    let owner = Member::owner(App::shared()).await;
    let answers = join_all((0..32).map(|_| owner.anonymous.log_in(&owner.email, "wrong"))).await;
    let tried = answers.iter().filter(|answer| answer.status == 400).count();
    // A sixth may slip in if the 32 took longer than its wait of a second.
    assert!((5..=6).contains(&tried), "{tried} were tried");
    for answer in answers.iter().filter(|answer| answer.status != 400) {
        answer.problem(429, "log_in_throttled");
    }
}

#[tokio::test]
async fn one_accounts_failures_are_not_anothers() {
    let app = App::shared();
    let (victim, other) = (Member::owner(app).await, Member::owner(app).await);
    for _ in 0..5 {
        victim.anonymous.log_in(&victim.email, "wrong").await.problem(400, "bad_credentials");
    }
    victim.anonymous.log_in(&victim.email, "wrong").await.problem(429, "log_in_throttled");
    other.anonymous.log_in(&other.email, PASSWORD).await.expect(200);
}
