# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced: private PostgreSQL and Kafka under a directory DIR that holds
#   postgres/ kafka/   their data and configuration
#   log/NAME.log       what they print
#   pid/NAME           their processes
#   port/NAME          their ports: postgres kafka controller
# shellcheck source=scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

services_prepare() {
    mkdir -p "$1/log" "$1/pid" "$1/port"
}

# service_spawn DIR NAME COMMAND...: in a session of its own, so that Ctrl-C does not reach it.
service_spawn() {
    local dir=$1 name=$2
    shift 2
    setsid "$@" </dev/null >>"$dir/log/$name.log" 2>&1 &
    process_record "$dir/pid/$name" $!
}

# service_await DIR NAME SECONDS CONDITION...
service_await() {
    local dir=$1 name=$2 seconds=$3 log=$1/log/$2.log
    shift 3
    say "waiting for $name on port $(<"$dir/port/$name") (log: ${log#"$root"/})"
    await "$seconds" "$name" "$dir/pid/$name" "$@" || {
        tail -n 20 "$log" >&2
        fail "$name did not start"
    }
}

# PostgreSQL refuses to run as root, and cannot read the directory that a root's shell stands in.
as_postgres() {
    if [ "$EUID" -eq 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

# postgres_program DIR NAME: of the cluster's version, else of the newest installed.
postgres_program() {
    local version='*'
    [ ! -f "$1/postgres/data/PG_VERSION" ] || version=$(<"$1/postgres/data/PG_VERSION")
    # shellcheck disable=SC2086
    printf '%s\n' /usr/lib/postgresql/$version/bin/"$2" | sort -V | tail -n 1
}

# Root's home is closed to user postgres: the data of a clone in there lies with PostgreSQL's own.
postgres_make_home() {
    local dir=$1 home=$1/postgres
    [ ! -e "$home" ] || return 0
    if [ "$EUID" -ne 0 ]; then
        mkdir -m 700 "$home"
    elif as_postgres test -x "$dir"; then
        install -d -m 700 -o postgres -g postgres "$home"
    else
        home=/var/lib/postgresql/daybook-$(cksum <<<"$dir" | cut -d ' ' -f 1)
        install -d -m 700 -o postgres -g postgres "$home"
        ln -sfn "$home" "$dir/postgres"
    fi
}

postgres_init() {
    local dir=$1 home
    postgres_make_home "$dir"
    home=$(readlink -f "$dir/postgres")
    # initdb left half done by a crash is begun again.
    [ ! -f "$home/initialized" ] || return 0
    rm -rf "$home/data"
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n' | as_postgres tee "$home/password" >/dev/null
    as_postgres chmod 600 "$home/password"
    as_postgres "$(postgres_program "$dir" initdb)" --pgdata="$home/data" --username=daybook \
        --auth=scram-sha-256 --pwfile="$home/password" --encoding=UTF8 --locale=C.UTF-8 --no-instructions \
        >>"$dir/log/postgres.log" 2>&1 || {
        tail -n 20 "$dir/log/postgres.log" >&2
        fail "initdb failed"
    }
    as_postgres touch "$home/initialized"
}

postgres_url() {
    echo "postgresql://daybook:$(<"$1/postgres/password")@127.0.0.1:$(<"$1/port/postgres")/$2"
}

# TCP only: a socket's path may have 107 bytes, and a clone's directory may be longer.
postgres_spawn() {
    local dir=$1 data user=()
    data=$(readlink -f "$dir/postgres")/data
    # Backends of a killed postmaster may still be there. And PostgreSQL takes a zombie, where no init
    # reaps them, for a living holder of its lock file.
    processes_kill_in "$data" postgres
    rm -f "$data/postmaster.pid"
    [ "$EUID" -ne 0 ] || user=(setpriv --reuid=postgres --regid=postgres --init-groups --)
    # A service must not keep the directory it was started in, and postgres may not be able to enter it.
    (cd / && service_spawn "$dir" postgres "${user[@]}" "$(postgres_program "$dir" postgres)" -D "$data" \
        -p "$(<"$dir/port/postgres")" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c max_connections=200)
}

postgres_await() {
    service_await "$1" postgres 60 "$(postgres_program "$1" pg_isready)" -q -h 127.0.0.1 -p "$(<"$1/port/postgres")"
}

postgres_create_database() {
    local url exists
    url=$(postgres_url "$1" postgres)
    exists=$(psql -XAtq "$url" -c "SELECT 1 FROM pg_database WHERE datname = '$2'")
    [ -n "$exists" ] || psql -XAtq "$url" -c "CREATE DATABASE $2"
}

# The directory of the data is relative, as a comma in an absolute one would make it two.
kafka_configure() {
    local port controller
    port=$(<"$1/port/kafka")
    controller=$(<"$1/port/controller")
    cat >"$1/kafka/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=BROKER://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=BROKER://127.0.0.1:$port
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
log.dirs=data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

kafka_java() {
    printf '%s\0' java -Xms128m -Xmx512m -cp "$scripts/kafka:$kafka_home/*"
}

kafka_init() {
    local dir=$1 java id
    mapfile -d '' java < <(kafka_java)
    mkdir -p "$dir/kafka"
    kafka_configure "$dir"
    [ ! -f "$dir/kafka/data/meta.properties" ] || return 0
    id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | tr -d =)
    (cd "$dir/kafka" && "${java[@]}" kafka.tools.StorageTool format -t "$id" -c server.properties) \
        >>"$dir/log/kafka.log" 2>&1 || {
        tail -n 20 "$dir/log/kafka.log" >&2
        fail "formatting Kafka's storage failed"
    }
}

kafka_spawn() {
    local dir=$1 java
    mapfile -d '' java < <(kafka_java)
    (cd "$dir/kafka" && service_spawn "$dir" kafka "${java[@]}" kafka.Kafka server.properties)
}

kafka_brokers() {
    echo "127.0.0.1:$(<"$1/port/kafka")"
}

kafka_await() {
    service_await "$1" kafka 120 kcat -b "$(kafka_brokers "$1")" -L -m 2
}

# Ends what runs under DIR, in the order that lets each finish; a crash's leftovers too. What was made
# for one run of the tests goes altogether.
services_end() {
    session_stop "$1/pid/session"
    process_stop "$1/pid/daybookd" TERM 15
    process_stop "$1/pid/kafka" TERM 30
    process_stop "$1/pid/postgres" INT 30
    # What was started but not yet recorded when a start was interrupted.
    processes_kill_in "$1/kafka" java
    processes_kill_in "$1/postgres/data" postgres
    [ ! -f "$1/temporary" ] || rm -rf "$1"
}

# services_watch DIR: should this script die without a word, its services end all the same.
services_watch() {
    setsid "$scripts/watch-services" "$1" $$ </dev/null >>"$1/log/watch.log" 2>&1 &
}
