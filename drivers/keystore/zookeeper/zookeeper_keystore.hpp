// The ZooKeeper driver of the keystore port.
//
// Nodes. The key "ovl/demo/v1/lock" is the node "/<prefix>/ovl/demo/v1/lock", its data is the value
// itself (zookeeper_path.hpp says which names are escaped). Inner nodes have no data at all, which
// ZooKeeper tells from empty data; where an inner node is there before the key of the same name, the
// key's value is in its child "%self". A key that is bound to a session is an ephemeral node, which
// can't have children.
//
// Commits. The node "%ovl" counts the commits of the whole store. Each commit is one zoo_multi() that
// sets it from the version that was read at first, so commits are one after the other, and what was
// read before a commit is what the commit changes; on a conflict all is read again. In the same
// transaction goes an entry "%ovl/log/<number>" with the changes, so values are stored twice for a
// while: this gives watches every change, with its revision, and lets a read make one moment of what it
// read node by node. The log keeps some thousand commits and some megabytes; a commit of more than
// 256 kB of values isn't kept, its watches are reset.
//
// Revisions are zxids: czxid and mzxid of nodes. A key that passes from one session to another, or to
// none, begins a new life.
//
// Reads are preceded by sync. Keys of sessions that ended go without a commit; "%ovl/leases" names the
// keys that have a session, and who reads or watches notices those that are gone and logs their
// deletion. Writes of other programs are seen by reads, and by no watch.
//
// Access. With user and password all nodes are made with the digest ACL of their creator; they pass
// the network in clear text, the client library has no TLS. Without them nodes are made by the user "ovl"
// with the password "ovl", and everybody may read them: that keeps other programs from changing them by
// mistake, and nobody from doing it on purpose.
#pragma once

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/url.hpp"

namespace ovl {

// Errors: as open_keystore(), and usage (a user that digest can't have), privilege.
Result<std::unique_ptr<Keystore>> open_zookeeper(const KeystoreUrl& url, const KeystoreOptions& options);

}  // namespace ovl
