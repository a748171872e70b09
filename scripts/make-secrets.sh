#!/bin/sh
# Makes what docker-compose.yml hands to the processes as secrets, in ./secrets. What is there already stays: a new master
# key would open nothing of what the old one sealed.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
put() { [ -s "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"; }
put operator-token "$(openssl rand -hex 32)"
put master-key "$(openssl rand -base64 32)"
put eventstore-url 'esdb://eventstore:2113?tls=false'
put mongodb-url 'mongodb://mongodb:27017/cairn?replicaSet=rs0'
# Compose mounts the files as they are, and the processes do not run as you.
chmod 711 secrets
chmod 444 secrets/*
echo "Secrets are in ./secrets. Keep a copy of secrets/master-key elsewhere: without it keys and signed copies are lost."
