//! `spin:postgres@4.2.0`: connections, statements, rows.
//!
//! Opening takes a place, then a pooled connection. A statement is prepared, run and forgotten; its rows are decoded by a task
//! of their own and wait in a buffer of four for the guest. The columns are known from the first row, so a query without rows
//! has none. The synchronous forms hold up the whole instance; the SDK uses the others.
//!
//! One thing is stricter than in Spin: the synchronous `connection-builder.build` is checked against the allowed hosts too.

#![allow(clippy::result_large_err, reason = "the interface's error carries everything that Postgres said")]

use crate::{
    bindings::postgres::{
        Column, DbValue, Error, Host, HostConnection, HostConnectionBuilder, HostConnectionBuilderWithStore,
        HostConnectionWithStore, ParameterValue, RowSet,
    },
    outbound::{CONNECTIONS_MAX, postgres_pool::Pools, postgres_query, postgres_query::Answer, rows::Rows},
    outbound_hosts::HostCheck,
    permits::{Permit, Permits},
};
use std::sync::Arc;
use tokio_postgres::{Config, config::Host as ConfigHost};
use wasmtime::component::{Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader};

/// A connection that the guest holds; back in its pool when dropped.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection {
    client: Arc<deadpool_postgres::Object>,
    _permit: Permit,
}

/// A connection that the guest is still describing.
#[derive(Clone, Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct ConnectionBuilder {
    address: String,
    ca: Option<String>,
}

/// Postgres as one instance sees it.
pub(crate) struct Postgres {
    check: HostCheck,
    pools: Arc<Pools>,
    permits: Permits,
    connections: ResourceTable,
}

impl HasData for Postgres {
    type Data<'a> = &'a mut Self;
}

/// What opening needs, taken out of the store so that nothing is held while waiting.
struct Opener {
    check: HostCheck,
    pools: Arc<Pools>,
    permits: Permits,
}

impl Postgres {
    /// For a new instance of the component that owns `pools`.
    pub(crate) fn new(check: HostCheck, pools: Arc<Pools>, permits: Permits) -> Self {
        let mut connections = ResourceTable::new();
        connections.set_max_capacity(CONNECTIONS_MAX);
        Self { check, pools, permits, connections }
    }

    fn opener(&self) -> Opener {
        Opener { check: self.check.clone(), pools: self.pools.clone(), permits: self.permits.clone() }
    }

    fn keep(&mut self, connection: Connection) -> Result<Resource<Connection>, Error> {
        self.connections.push(connection).map_err(|_| Error::ConnectionFailed("too many connections".to_owned()))
    }

    fn client(&self, connection: &Resource<Connection>) -> Result<Arc<deadpool_postgres::Object>, Error> {
        match self.connections.get(connection) {
            Ok(connection) => Ok(connection.client.clone()),
            Err(_) => Err(Error::ConnectionFailed("no connection found".to_owned())),
        }
    }

    fn builder(&self, builder: &Resource<ConnectionBuilder>) -> Result<ConnectionBuilder, Error> {
        match self.connections.get(builder) {
            Ok(builder) => Ok(builder.clone()),
            Err(_) => Err(Error::ConnectionFailed("no builder found".to_owned())),
        }
    }
}

impl Opener {
    async fn open(self, address: &str, ca: Option<String>) -> Result<Connection, Error> {
        check_address(&self.check, address)?;
        let permit = self.permits.acquire().await;
        let client =
            self.pools.get(address, ca).await.map_err(|error| Error::ConnectionFailed(format!("{error:?}")))?;
        Ok(Connection { client: Arc::new(client), _permit: permit })
    }
}

/// Every host of a connection string must be allowed, with the port that stands at its place or is the only one.
fn check_address(check: &HostCheck, address: &str) -> Result<(), Error> {
    let config: Config =
        address.parse().map_err(|error: tokio_postgres::Error| Error::ConnectionFailed(error.to_string()))?;
    let ports = config.get_ports();
    for (index, host) in config.get_hosts().iter().enumerate() {
        let ConfigHost::Tcp(host) = host else {
            return Err(Error::ConnectionFailed("Unix sockets are not supported on WebAssembly".to_owned()));
        };
        let port = match ports {
            [only] => Some(only),
            _ => ports.get(index),
        };
        let destination = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        if !check.allows(&destination, "postgres").map_err(Error::Other)? {
            return Err(Error::ConnectionFailed(format!("address postgres://{destination} is not permitted")));
        }
    }
    Ok(())
}

impl Host for Postgres {
    fn convert_error(&mut self, error: Error) -> wasmtime::Result<Error> {
        Ok(error)
    }
}

impl HostConnection for Postgres {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Error> {
        let connection = self.opener().open(&address, None).await?;
        self.keep(connection)
    }

    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<RowSet, Error> {
        postgres_query::query(&*self.client(&connection)?, &statement, parameters).await
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<u64, Error> {
        postgres_query::execute(&*self.client(&connection)?, &statement, parameters).await
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.connections.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for Postgres {
    async fn open_async(accessor: &Accessor<T, Self>, address: String) -> Result<Resource<Connection>, Error> {
        let opener = accessor.with(|mut access| access.get().opener());
        let connection = opener.open(&address, None).await?;
        accessor.with(|mut access| access.get().keep(connection))
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<(Vec<Column>, StreamReader<Vec<DbValue>>, FutureReader<Result<(), Error>>), Error> {
        let client = accessor.with(|mut access| access.get().client(&connection))?;
        let Answer { columns, rows, outcome } = postgres_query::query_streamed(&client, &statement, parameters).await?;
        accessor
            .with(|mut access| {
                let rows = StreamReader::new(&mut access, Rows(rows))?;
                Ok((columns, rows, FutureReader::new(&mut access, outcome)?))
            })
            .map_err(|error: wasmtime::Error| Error::Other(error.to_string()))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<u64, Error> {
        let client = accessor.with(|mut access| access.get().client(&connection))?;
        postgres_query::execute(&client, &statement, parameters).await
    }
}

impl HostConnectionBuilder for Postgres {
    async fn new(&mut self, address: String) -> wasmtime::Result<Resource<ConnectionBuilder>> {
        Ok(self.connections.push(ConnectionBuilder { address, ca: None })?)
    }

    async fn set_ca_root(&mut self, builder: Resource<ConnectionBuilder>, certificate: String) -> Result<(), Error> {
        if !certificate.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Error::Other("invalid root certificate: it is not in PEM form".to_owned()));
        }
        match self.connections.get_mut(&builder) {
            Ok(builder) => builder.ca = Some(certificate),
            Err(_) => return Err(Error::ConnectionFailed("no builder found".to_owned())),
        }
        Ok(())
    }

    async fn build(&mut self, builder: Resource<ConnectionBuilder>) -> Result<Resource<Connection>, Error> {
        let ConnectionBuilder { address, ca } = self.builder(&builder)?;
        let connection = self.opener().open(&address, ca).await?;
        self.keep(connection)
    }

    async fn drop(&mut self, builder: Resource<ConnectionBuilder>) -> wasmtime::Result<()> {
        self.connections.delete(builder)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionBuilderWithStore<T> for Postgres {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        builder: Resource<ConnectionBuilder>,
    ) -> Result<Resource<Connection>, Error> {
        let (opener, builder) = accessor.with(|mut access| {
            let postgres = access.get();
            (postgres.opener(), postgres.builder(&builder))
        });
        let ConnectionBuilder { address, ca } = builder?;
        let connection = opener.open(&address, ca).await?;
        accessor.with(|mut access| access.get().keep(connection))
    }
}
