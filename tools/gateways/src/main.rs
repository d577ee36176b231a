//! The `gateways` command, which `./dev up` starts beside the app: Stripe, PayPal, Razorpay and PayU to try payments with, their pages
//! for payers, and a messenger for their webhooks.

use std::{net::SocketAddr, process::ExitCode};

use clap::Parser;

/// Serves the gateways' pages, and the gateways on the four ports behind.
#[derive(Parser)]
#[command(name = "gateways")]
struct Arguments {
    /// Where the pages are; Stripe, PayPal, Razorpay and PayU are on the next four ports, in this order.
    #[arg(long, default_value = "127.0.0.1:8030")]
    listen: SocketAddr,
    /// Where the app is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    app: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match gateways::desk::serve(arguments.listen, &arguments.app).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateways: {error:#}");
            ExitCode::FAILURE
        }
    }
}
