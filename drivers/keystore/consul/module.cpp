#include "drivers/keystore/module.hpp"

#include "drivers/keystore/consul/consul_keystore.hpp"

OVL_KEYSTORE_MODULE(ovl::open_consul);
