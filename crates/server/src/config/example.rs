//! The configuration file that `anabranch config example` prints.

/// A complete configuration that starts as it stands. Keys in comments are optional and show
/// a value of the right form.
pub const EXAMPLE: &str = r#"# Configuration of `anabranch server`.
# Every key is checked: one that is not known here is refused with its line.

# Where data is kept. The directory gets its identity on the first start; never copy it to
# a second node and never share it.
data_dir = "./anabranch-data"

# Where clients connect: the AWS protocols over HTTP/1.1 and HTTP/2.
listen = "127.0.0.1:4567"

# The same with TLS, which the Kinesis Producer Library needs. Leave the key out for no TLS
# port.
tls_listen = "127.0.0.1:4568"

# The account that owns all streams: twelve digits, part of every stream's ARN.
account = "000000000000"

# "aws": each shard has the limits that AWS documents. "off": none.
limits = "aws"

# Replication groups for data, made when the cluster is bootstrapped; ignored afterwards.
groups = 4

# How long a stopping node may take to finish what it has begun: open requests get all of it but
# a quarter, or 5 seconds where that is less.
drain_timeout_seconds = 30

# Who may call. Requests are signed with Signature Version 4 and verified in full.
# Replace this pair before anyone else can reach the port.
[[credentials]]
access_key = "anabranch"
secret_key = "replace-this-secret"

# The certificate of the TLS port, PEM. Without this table a self-signed one is made on the
# first start.
# [tls]
# certificate = "/etc/anabranch/tls.crt"
# key = "/etc/anabranch/tls.key"
# Clients of gRPC may prove themselves by a certificate of this authority instead of a signature.
# client_authority = "/etc/anabranch/clients.crt"

[cluster]
# An empty directory becomes the first node of a new cluster. Leave the key out where a cluster
# exists: a directory that belongs to one goes back to it, and an empty one must not make another.
bootstrap = true

# Where other nodes connect. Leave the key out for a node that stays alone. Beyond loopback, all
# nodes need the same secret.
# peer_listen = "127.0.0.1:4569"

# Where the others are told to connect, HOST:PORT: for peer_listen on every address, and behind
# names. Leave the key out for peer_listen itself.
# advertise_peer = "node-1.example:4569"

# A file with what all nodes know and nobody else does: 16 to 4,096 bytes, random ones. Without the
# key, the variable ANABRANCH_SECRET is read.
# secret_file = "/etc/anabranch/cluster.secret"

# What fails together with this node: replicas of a group are spread over zones.
# zone = "rack-1"

# In the place of bootstrap: an empty directory joins the cluster of these nodes, asked in this
# order at their peer_listen.
# join = ["node-1.example:4569", "node-2.example:4569"]

# In the place of both: the same list on every node of a new cluster, which the one of the lowest id
# makes, and which of them this one is.
# node_id = 1
# nodes = [{ id = 1, peer = "node-1.example:4569" }, { id = 2, peer = "node-2.example:4569" }]

[log]
# Size of one file of the shared log: 48 MiB to 1 GiB.
segment_bytes = 67108864

[memory]
# Everything that grows with traffic; when it is used up, clients are throttled.
budget_bytes = 402653184
# The part of it for state that is not flushed yet: at most a quarter.
memtable_bytes = 100663296
# Cache of state read from disk, on top of the budget.
block_cache_bytes = 67108864

[telemetry]
# Which events are logged to stderr: level or target=level, separated by commas.
log_filter = "info,openraft=error"
# "text" for people, "json" for machines.
log_format = "text"
# Where traces are sent by OTLP over gRPC, https:// for TLS. Leave the key out for no traces.
# otlp_endpoint = "http://localhost:4317"
"#;
