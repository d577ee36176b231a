//! The type table of Postgres, above all its holes.

mod hosts;

use hosts::{Host, Setup, kinds};

fn on_each_database(test: impl Fn(&Host)) {
    for kind in kinds() {
        test(&Setup::new(&kind).with_servers().start());
    }
}

#[track_caller]
fn check(host: &Host, statement: &str, expected: &str) {
    let answer = host.sql(statement);
    assert!(answer.contains(expected), "{}: {statement}\n{answer}", host.kind.name);
}

#[test]
fn timestamptz_cannot_be_read() {
    on_each_database(|host| {
        check(host, "select now()", "error deserializing column 0");
        check(host, "select now()", "timestamptz");
        check(
            host,
            "select '2026-08-21T13:05:09.123456Z'::timestamptz at time zone 'UTC'",
            "DbValue::Datetime((2026, 8, 21, 13, 5, 9, 123456000))",
        );
    });
}

#[test]
fn each_type_arrives_as_the_table_says() {
    on_each_database(|host| {
        for (expression, expected) in [
            ("true", "DbValue::Boolean(true)"),
            ("1::int2", "DbValue::Int16(1)"),
            ("1", "DbValue::Int32(1)"),
            ("1::int8", "DbValue::Int64(1)"),
            ("1.5::float4", "DbValue::Floating32(1.5)"),
            ("1.5::float8", "DbValue::Floating64(1.5)"),
            ("1.50", "DbValue::Decimal(\"1.50\")"),
            ("'x'::text", "DbValue::Str(\"x\")"),
            ("'x'::varchar(5)", "DbValue::Str(\"x\")"),
            ("'\\x01ff'::bytea", "DbValue::Binary([1, 255])"),
            ("date '2026-08-21'", "DbValue::Date((2026, 8, 21))"),
            ("time '13:05:09'", "DbValue::Time((13, 5, 9, 0))"),
            ("interval '1 month 2 days 3 seconds'", "Interval { micros: 3000000, days: 2, months: 1 }"),
            ("'018f3b3e-0000-7000-8000-000000000001'::uuid", "DbValue::Uuid(\"018f3b3e-0000-7000-8000-000000000001\")"),
            ("'{\"a\": 1}'::jsonb", "DbValue::Jsonb([123, 34, 97, 34, 58, 49, 125])"),
            ("array[1, null]", "DbValue::ArrayInt32([Some(1), None])"),
            ("array['x', null]", "DbValue::ArrayStr([Some(\"x\"), None])"),
            ("array[1.5]", "DbValue::ArrayDecimal([Some(\"1.5\")])"),
            ("int4range(1, 5)", "DbValue::RangeInt32((Some((1, RangeBoundKind::Inclusive))"),
            ("null::int", "DbValue::DbNull"),
            ("'{\"a\": 1}'::json", "DbDataType::Other(\"json\")"),
            ("'127.0.0.1'::inet", "DbValue::Unsupported("),
            ("array[true]", "DbDataType::Other(\"_bool\")"),
        ] {
            check(host, &format!("select {expression}"), expected);
        }
    });
}

#[test]
fn a_query_without_rows_has_no_columns() {
    on_each_database(|host| {
        check(host, "select 1 as a where true", "[a: DbDataType::Int32; [DbValue::Int32(1)]]");
        check(host, "select 1 as a where false", "[]");
    });
}

#[test]
fn a_parameter_must_have_exactly_the_type() {
    on_each_database(|host| {
        let run = |kind: &str, value: &str, statement: &str| {
            host.post(&format!("/sql/parameter?kind={kind}&value={value}"), statement).text()
        };
        for (kind, value, statement, expected) in [
            ("int32", "7", "select $1::int4", "DbValue::Int32(7)"),
            ("int64", "7", "select $1::int4", "ToSql(0)"),
            ("int64", "7", "select $1::int8", "DbValue::Int64(7)"),
            ("timestamp", "0", "select $1::timestamptz at time zone 'UTC'", "Datetime((1970, 1, 1, 0, 0, 0, 0))"),
            ("datetime", "", "select $1::timestamp", "Datetime((2026, 8, 21, 13, 5, 9, 123456000))"),
            ("datetime", "", "select $1::timestamptz", "ToSql(0)"),
            ("str", "x", "select $1::text", "DbValue::Str(\"x\")"),
            ("str", "018f3b3e-0000-7000-8000-000000000001", "select $1::uuid", "ToSql(0)"),
            ("uuid", "nonsense", "select $1::uuid", "BadParameter"),
            ("jsonb", "[1]", "select $1::jsonb", "DbValue::Jsonb([91, 49, 93])"),
            ("null", "", "select $1::int4", "DbValue::DbNull"),
        ] {
            let answer = run(kind, value, statement);
            assert!(answer.contains(expected), "{}: {kind} in {statement}\n{answer}", host.kind.name);
        }
    });
}

#[test]
fn an_error_of_the_server_keeps_its_code_and_its_constraint() {
    on_each_database(|host| {
        let answer = host.sql(
            "do create temp table account (id int constraint account_key primary key)\n\
             do insert into account values (1)\n\
             do insert into account values (1)\n\
             select 1; select 2",
        );
        let lines: Vec<_> = answer.lines().collect();
        assert!(lines[1].contains("done: 1"), "{}: {answer}", host.kind.name);
        for part in ["code: \"23505\"", "(\"constraint\", \"account_key\")", "(\"table\", \"account\")"] {
            assert!(lines[2].contains(part), "{}: {part} in {answer}", host.kind.name);
        }
        assert!(lines[3].contains("42601"), "{}: two statements at once: {answer}", host.kind.name);
    });
}
