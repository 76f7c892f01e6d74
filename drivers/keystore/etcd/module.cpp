#include "drivers/keystore/module.hpp"

#include "drivers/keystore/etcd/etcd_keystore.hpp"

OVL_KEYSTORE_MODULE(ovl::open_etcd);
