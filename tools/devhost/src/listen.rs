//! Accepts connections (HTTP/1.1 and HTTP/2 without TLS) and says where the application can be reached.
//!
//! There is no limit on bodies or time here, as in Spin: components set their own.

use crate::{
    app::App,
    cli::Format,
    server::{Body, Server, connection_error},
};
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use std::{collections::HashMap, net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;

/// Serves until the process ends.
pub(crate) async fn serve(app: App, format: Format) -> anyhow::Result<()> {
    print_routes(&app.server, &app.descriptions, format)?;
    loop {
        let (stream, client) = app.listener.accept().await?;
        // Spin does not, but its answers to requests that waited for a database leave in one piece. Here head and body raced:
        // where the body came second, Nagle held it until the client's delayed acknowledgement, 40 ms later.
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve_connection(app.server.clone(), stream, client));
    }
}

async fn serve_connection(server: Arc<Server>, stream: TcpStream, client: SocketAddr) {
    let service = service_fn(move |request| {
        let server = server.clone();
        async move {
            let response = server.handle(request, client).await?;
            anyhow::Ok(response.map(|body: Body| body.map_err(|error| connection_error(&error))))
        }
    });
    if let Err(error) = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await {
        tracing::warn!("a connection failed: {error:?}");
    }
}

fn print_routes(server: &Server, descriptions: &HashMap<String, String>, format: Format) -> anyhow::Result<()> {
    let base = format!("http://{}", server.address());
    let routes = server.router().iter().map(|route| {
        let description = descriptions.get(route.target.id()).filter(|text| !text.is_empty());
        (route, description)
    });
    if format == Format::Json {
        let routes: Vec<_> = routes
            .map(|(route, description)| {
                let path = if route.prefix().is_empty() { "/" } else { route.prefix() };
                let mut entry = serde_json::json!({
                    "id": route.target.id(), "route": path, "wildcard": route.raw.ends_with("/..."),
                });
                if let Some(description) = description {
                    entry["description"] = description.as_str().into();
                }
                entry
            })
            .collect();
        let output = serde_json::json!({ "base_url": base, "routes": routes });
        println!("{}", serde_json::to_string_pretty(&output)?);
        return Ok(());
    }
    println!("\nServing {base}\nAvailable Routes:");
    for (route, description) in routes {
        println!("  {}: {base}{}", route.target.id(), route.display());
        if let Some(description) = description {
            println!("    {description}");
        }
    }
    Ok(())
}
