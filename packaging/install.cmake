# What `cmake --install` puts where, and the Debian package that the target `package` makes of it.

# Man pages and completions say what the command line says: both are made from its tree.
set(made ${CMAKE_BINARY_DIR}/packaging)
add_executable(gen-man EXCLUDE_FROM_ALL tools/gen_man.cpp)
ovl_target_options(gen-man)
target_link_libraries(gen-man PRIVATE ovl_cmd)
add_custom_command(
  OUTPUT ${made}/done
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${made}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${made}/man/man1 ${made}/man/man5 ${made}/completions
  COMMAND gen-man ${made}/man
  COMMAND gzip -9n -r ${made}/man
  COMMAND ovl completion bash > ${made}/completions/ovl
  COMMAND ovl completion zsh > ${made}/completions/_ovl
  COMMAND ovl completion fish > ${made}/completions/ovl.fish
  COMMAND ${CMAKE_COMMAND} -E touch ${made}/done
  DEPENDS gen-man ovl
  VERBATIM)
add_custom_target(man-and-completions ALL DEPENDS ${made}/done)

install(TARGETS ovl RUNTIME DESTINATION bin)
# Where drivers/module looks: ../lib/ovl, seen from the program.
install(TARGETS ${modules} LIBRARY DESTINATION lib/ovl)
install(DIRECTORY ${made}/man/ DESTINATION share/man)
install(FILES ${made}/completions/ovl DESTINATION share/bash-completion/completions)
install(FILES ${made}/completions/ovl.fish DESTINATION share/fish/vendor_completions.d)
# Debian's zsh looks into vendor-completions below /usr, into site-functions below /usr/local.
install(CODE "set(zsh_completion ${made}/completions/_ovl)")
install(CODE [[
  set(folder site-functions)
  if(CMAKE_INSTALL_PREFIX MATCHES "/usr$")
    set(folder vendor-completions)
  endif()
  file(INSTALL ${zsh_completion} DESTINATION ${CMAKE_INSTALL_PREFIX}/share/zsh/${folder})
]])
install(FILES packaging/ovl-agent.service packaging/ovl-sync.service DESTINATION lib/systemd/system)
# Samples, below /etc where the prefix is /usr, in the prefix's own etc elsewhere.
install(CODE "set(samples ${CMAKE_SOURCE_DIR}/packaging/etc/agent.env ${CMAKE_SOURCE_DIR}/packaging/etc/sync.env)")
install(CODE [[
  set(folder etc)
  if(CMAKE_INSTALL_PREFIX MATCHES "/usr$")
    set(folder ../etc)
  endif()
  file(INSTALL ${samples} DESTINATION ${CMAKE_INSTALL_PREFIX}/${folder}/ovl)
]])
install(FILES LICENSE README.md ARCHITECTURE.md CONTRIBUTING.md CHANGELOG.md packaging/copyright
        DESTINATION share/doc/ovl)
install(DIRECTORY docs examples DESTINATION share/doc/ovl)
file(GLOB schemas CONFIGURE_DEPENDS docs/*.schema.json docs/schemas/*.json)
install(FILES ${schemas} DESTINATION share/ovl/schemas)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME ovl)
set(CPACK_PACKAGE_CONTACT "ovl developers")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "keeps overlay networks as a git repository says")
set(CPACK_PACKAGE_DESCRIPTION "ovl reads TOML that describes a key-value store, hosts, networks and endpoints, compares
it with the store and with the kernel, shows the difference and applies it: VXLAN
devices, bridges, forwarding entries, names, filters and a way out. Applying twice
changes nothing, drift is found and repaired. The store is SQLite, etcd, Consul or
ZooKeeper.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# A lab starts the store's own server, and `graph --format svg` runs dot.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "etcd-server, gpgv, graphviz, iproute2, openssh-client")
set(CPACK_DEBIAN_PACKAGE_DEPENDS "debconf (>= 0.5) | debconf-2.0")
# hook, sync and the repositories that libgit2 does not know need git itself.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS git)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA)
foreach(file conffiles config postinst postrm prerm templates)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/${file})
endforeach()
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
