#include "drivers/keystore/module.hpp"

#include "drivers/keystore/zookeeper/zookeeper_keystore.hpp"

OVL_KEYSTORE_MODULE(ovl::open_zookeeper);
