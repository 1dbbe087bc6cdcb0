#!/usr/bin/env bash
# Four "hosts" (laptop, head, w1, w2) on one machine, to try clusters on: each has its own network
# address, processes, sshd, home, /tmp and /dev/shm. They are made of Linux namespaces, as root, and
# share the kernel, the cores and all other files: isolation for tests, not for security.
#
#   hosts.sh possible            says why not, and exits with 1, where they can't be made
#   hosts.sh hold                makes them, says "ready", and ends them with the end of its input
#   hosts.sh exec HOST CMD ...   runs a command on one of them, as after a login
#   hosts.sh cut HOST            pulls its network cable, hosts.sh mend HOST plugs it in again
#
# LAB_DIR is the work folder (LAB_DIR/shared is seen by all hosts), LAB_VENV the environment that
# they have on their PATH, LAB_KEEP what of /tmp and /root they see besides. Their PYTHONPATH is that
# of `hold`. To Ray each has one core, and w1 and w2 have no data sets.
set -euo pipefail
HOSTS="laptop head w1 w2"
declare -A IP=([laptop]=10.77.0.1 [head]=10.77.0.11 [w1]=10.77.0.12 [w2]=10.77.0.13)
# Debian packages: iproute2, util-linux, openssh-server, openssh-client, rsync, procps.
NEEDED="ip nsenter unshare sshd ssh-keygen ssh rsync ps"
PATH=$PATH:/usr/sbin:/sbin

possible() {
  local command missing=""
  [ "$(id -u)" = 0 ] || { echo "this is not root"; return 1; }
  for command in $NEEDED; do command -v $command >/dev/null || missing="$missing $command"; done
  [ -z "$missing" ] || { echo "these commands are missing:$missing"; return 1; }
  unshare --mount --pid --uts --ipc --net --fork mount --make-rprivate / 2>/dev/null ||
    { echo "namespaces are refused here"; return 1; }
}

network() { # the bridge is inside of the laptop's namespace: the machine's own network isn't touched
  local host
  for host in $HOSTS; do ip netns add $NAME-$host; ip -n $NAME-$host link set lo up; done
  ip -n $NAME-laptop link add br0 type bridge
  ip -n $NAME-laptop addr add ${IP[laptop]}/24 dev br0
  ip -n $NAME-laptop link set br0 up
  for host in head w1 w2; do
    ip -n $NAME-laptop link add to-$host type veth peer name eth0 netns $NAME-$host
    ip -n $NAME-laptop link set to-$host master br0 up
    ip -n $NAME-$host addr add ${IP[$host]}/24 dev eth0
    ip -n $NAME-$host link set eth0 up
  done
}

files_of() { # what a host has of its own
  local own=$LAB_DIR/hosts/$1 other kept
  mkdir -p $own/home/.ssh $own/tmp
  chmod 700 $own/home $own/home/.ssh
  chmod 1777 $own/tmp
  cp $LAB_DIR/key.pub $own/home/.ssh/authorized_keys
  [ $1 != laptop ] || cp $LAB_DIR/key $own/home/.ssh/id_ed25519
  touch $own/home/.bashrc
  # One core each, and no processes of Ray's that wait for work: four hosts share what there is.
  cat >$own/home/.bash_profile <<PROFILE
export PATH=$LAB_VENV/bin:\$PATH PYTHONPATH=${PYTHONPATH:-} RAY_USAGE_STATS_ENABLED=0
export RAY_OVERRIDE_RESOURCES='{"CPU": 1}' RAY_prestart_worker_first_driver=0
PROFILE
  { echo "127.0.0.1 localhost"; for other in $HOSTS; do echo "${IP[$other]} $other"; done; } >$own/etc_hosts
  cat >$own/sshd_config <<CONFIG
ListenAddress ${IP[$1]}
HostKey $LAB_DIR/hostkey
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 100
MaxSessions 100
CONFIG
  # Its first process: bash, since `ray stop` relies on somebody to wait for orphans.
  cat >$own/init.sh <<INIT
hostname $1
mount --make-rprivate /
mount -t proc proc /proc
$(for kept in $LAB_DIR $LAB_VENV $LAB_KEEP; do case $kept in
    /tmp/*) echo "mkdir -p $own/tmp/${kept#/tmp/} && mount --bind $kept $own/tmp/${kept#/tmp/}" ;;
    /root/*) echo "mkdir -p $own/home/${kept#/root/} && mount --bind $kept $own/home/${kept#/root/}" ;;
  esac; done)
mount --rbind $own/home /root
mount --rbind $own/tmp /tmp
mount --bind $own/etc_hosts /etc/hosts
mount -t tmpfs -o size=8g,mode=1777 shm /dev/shm
mount -t tmpfs run /run
$(case $1 in w?) echo "[ ! -d /usr/share/datasets ] || mount -t tmpfs none /usr/share/datasets" ;; esac)
mkdir -p /run/sshd
[ $1 = laptop ] || $(command -v sshd) -D -e -f $own/sshd_config &
touch $own/ready
while :; do sleep 3600 & wait \$!; done
INIT
}

start() {
  local own=$LAB_DIR/hosts/$1
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
    setsid nsenter --net=/run/netns/$NAME-$1 unshare --mount --pid --uts --ipc --fork --kill-child \
    bash $own/init.sh >$own/init.log 2>&1 </dev/null &
  local outer=$! i
  OUTER="$OUTER $outer"
  for i in $(seq 600); do [ ! -e $own/ready ] || break; sleep 0.1; done
  [ -e $own/ready ] || { echo "host $1 did not start:"; cat $own/init.log; return 1; }
  tr -d ' ' </proc/$outer/task/$outer/children >$own/init.pid
}

up() {
  local host
  mkdir -p $LAB_DIR/hosts $LAB_DIR/shared
  ssh-keygen -q -t ed25519 -N '' -f $LAB_DIR/key
  ssh-keygen -q -t ed25519 -N '' -f $LAB_DIR/hostkey
  network
  for host in $HOSTS; do files_of $host; start $host; done
}

down() { # the end of a host's first process is that of all its processes, and of no other
  local host
  for host in $HOSTS; do kill -9 $(cat $LAB_DIR/hosts/$host/init.pid) 2>/dev/null || true; done
  wait $OUTER 2>/dev/null || true
  for host in $HOSTS; do ip netns del $NAME-$host 2>/dev/null || true; done
}

link() { # up or down: the cable of a host, whose other end is on the laptop's bridge
  nsenter -t $(cat $LAB_DIR/hosts/laptop/init.pid) --net ip link set to-$1 $2
}

run_on() {
  local host=$1
  shift
  nsenter -t $(cat $LAB_DIR/hosts/$host/init.pid) --mount --uts --ipc --net --pid -- \
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    bash --login -c 'cd && "$@"' - "$@"
}

case $1 in
  possible) possible ;;
  hold)
    NAME=lab$$ OUTER=""
    trap down EXIT
    trap 'exit 1' INT TERM HUP
    up
    echo ready
    exec 3<&0
    cat <&3 >/dev/null & wait $! ;; # waited for, so that a signal is answered at once
  exec) shift; run_on "$@" ;;
  cut) link $2 down ;;
  mend) link $2 up ;;
esac
