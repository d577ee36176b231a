//! The `demo` command: plays a tenant's first day against the running app, through its public API alone, and prints
//! what a person wants to see of it.

mod chart;
mod client;
mod contract;
mod journey;
mod leads;
mod paint;
mod payments;
mod table;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, ensure};
use clap::Parser;
use client::Client;
use contract::{Analytics, Lead, Page};
use futures::{StreamExt, TryStreamExt, stream};
use ids::RequestId;
use indicatif::{ProgressBar, ProgressStyle};
use paint::Paint;

/// Plays a tenant's first day against the running app.
#[derive(Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Where the app answers.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    origin: String,
    /// A table of other leads than the demo's own 200, with the same header.
    #[arg(long)]
    leads: Option<PathBuf>,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    match play(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<()> {
    let paint = Paint::for_standard_output();
    let new_leads = leads::read(arguments.leads.as_deref())?;
    let concurrency = usize::from(arguments.concurrency);
    // Fresh for each run, so that a run never meets the accounts or the idempotency keys of another.
    let run = RequestId::new().to_string().replace("req_", "");
    println!("{}", paint.bold(&format!("A tenant's first day at {}", arguments.origin)));

    let mut tenant = Client::new(&arguments.origin)?;
    let account = tenant.sign_up(&format!("ada-{run}@example.com"), "Harbour & Finch").await?;
    println!("  registered {} with its tenant {}, and logged in", account.email, account.tenant_name());

    let bar = progress(new_leads.len(), "creating leads");
    let created: Vec<Lead> = stream::iter(new_leads.iter().enumerate())
        .map(|(row, lead)| {
            let (tenant, bar, key) = (&tenant, &bar, format!("demo-{run}-lead-{row}"));
            async move {
                let lead = tenant.post("/leads", &key, lead).await?;
                bar.inc(1);
                anyhow::Ok(lead)
            }
        })
        .buffered(concurrency)
        .try_collect()
        .await?;
    println!("  created {}", pace(&bar, "leads"));

    let journeys: Vec<_> = created.iter().enumerate().map(|(row, lead)| (lead, journey::of(row, lead.score))).collect();
    let bar = progress(journeys.iter().map(|(_, moves)| moves.len()).sum(), "moving leads");
    stream::iter(&journeys)
        .map(|(lead, moves)| {
            let (tenant, bar, run) = (&tenant, &bar, &run);
            async move {
                for status in *moves {
                    let key = format!("demo-{run}-{}-{status}", lead.id);
                    tenant.post::<Lead>(&format!("/leads/{}/status", lead.id), &key, &journey::Move { status }).await?;
                    bar.inc(1);
                }
                anyhow::Ok(())
            }
        })
        .buffer_unordered(concurrency)
        .try_collect::<Vec<()>>()
        .await?;
    println!("  moved {}", pace(&bar, "times"));

    let best: Page<Lead> = tenant.get("/leads?sort=-score&limit=10").await?;
    let analytics: Analytics = tenant.get("/analytics/leads").await?;
    print!("{}", table::best_leads(&best.data, paint));
    print!("{}", chart::analytics(&analytics, paint));
    ensure!(
        analytics.total == created.len() as u64,
        "{} leads were created and the analytics count {}",
        created.len(),
        analytics.total
    );

    payments::play(&tenant, &run, concurrency, paint).await?;
    show_isolation(&arguments.origin, &run, &created, paint).await?;
    println!("\nLook around yourself: log in as {} with the password {:?}.", account.email, client::PASSWORD);
    Ok(())
}

/// A second tenant must see nothing of the first: no row in a list, no figure, and no lead by its id.
async fn show_isolation(origin: &str, run: &str, created: &[Lead], paint: Paint) -> Result<()> {
    println!("\n{}", paint.bold("A second tenant"));
    let mut stranger = Client::new(origin)?;
    let account = stranger.sign_up(&format!("grace-{run}@example.com"), "Next Door").await?;
    let listed: Page<Lead> = stranger.get("/leads?limit=100").await?;
    let analytics: Analytics = stranger.get("/analytics/leads").await?;
    println!("  {} lists {} leads and counts {}", account.tenant_name(), listed.data.len(), analytics.total);
    ensure!(listed.data.is_empty() && analytics.total == 0, "a fresh tenant sees leads that are not its own");
    if let Some(lead) = created.first() {
        let status = stranger.status_of(&format!("/leads/{}", lead.id)).await?;
        println!("  asking for {} of the first tenant answers {status}", lead.id);
        ensure!(status == 404, "another tenant's lead must be 404, not {status}");
    }
    println!("  {}", paint.good("it sees none of the first tenant's leads"));
    Ok(())
}

/// A bar on standard error, which hides itself where that is no terminal.
fn progress(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {msg} {bar:40.cyan/dim} {pos}/{len} {per_sec}");
    let bar = ProgressBar::new(length as u64).with_message(what);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

/// Ends the bar: how many, how long, and how many in a second.
fn pace(bar: &ProgressBar, what: &str) -> String {
    let (count, seconds) = (bar.position(), bar.elapsed().as_secs_f64());
    bar.finish_and_clear();
    format!("{count} {what} in {seconds:.2} s, {:.0} a second", count as f64 / seconds.max(0.001))
}
