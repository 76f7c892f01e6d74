# One static library per layer. USES names the layers it may use; an include that breaks this fails
# in tools/check-layers, a link that breaks it fails here.
set(OVL_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Wold-style-cast -Wcast-align -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND OVL_WARNINGS -Wduplicated-cond -Wlogical-op)
  if(CMAKE_UNITY_BUILD)
    # It takes what is behind an #include for a header.
    list(APPEND OVL_WARNINGS -Wno-subobject-linkage)
  endif()
endif()

function(ovl_target_options target)
  # In a unit of several files glibc's header comes first; the kernel's then stands back
  # (linux/libc-compat.h).
  set_target_properties(${target} PROPERTIES UNITY_BUILD_CODE_BEFORE_INCLUDE "#include <netinet/in.h>")
  target_compile_options(${target} PRIVATE ${OVL_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GLIBCXX_ASSERTIONS OVL_VERSION="${PROJECT_VERSION}")
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  if(OVL_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(OVL_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize-recover=all
                           -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
  if(OVL_FUZZ)
    target_compile_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
    target_link_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
  if(OVL_COVERAGE)
    target_compile_options(${target} PUBLIC --coverage)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

function(ovl_layer name)
  cmake_parse_arguments(LAYER "" "" "USES;LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$|/drivers/(keystore/(etcd|consul|zookeeper)|git/libgit2)/")
  if(NOT sources)
    add_library(ovl_${name} INTERFACE)
    return()
  endif()
  add_library(ovl_${name} STATIC ${sources})
  ovl_target_options(ovl_${name})
  foreach(used IN LISTS LAYER_USES)
    target_link_libraries(ovl_${name} PUBLIC ovl_${used})
  endforeach()
  target_link_libraries(ovl_${name} PUBLIC fmt::fmt PRIVATE ${LAYER_LINKS})
endfunction()

# A driver of its own file, drivers/<folder>/: ovl_<name> for its tests, and the module ovl-<name>.so beside
# the program, which load_module() loads.
function(ovl_driver_module name)
  cmake_parse_arguments(DRIVER "" "FOLDER" "LINKS;SOURCES" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/drivers/${DRIVER_FOLDER})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/module\\.cpp$")
  add_library(ovl_${name} STATIC ${sources} ${DRIVER_SOURCES})
  ovl_target_options(ovl_${name})
  target_link_libraries(ovl_${name} PUBLIC ovl_drivers ${DRIVER_LINKS})
  add_library(${name}-module MODULE ${folder}/module.cpp)
  ovl_target_options(${name}-module)
  target_link_libraries(${name}-module PRIVATE ovl_${name})
  # Nothing but the module's own symbol is seen, nothing of it is taken from the program.
  target_link_options(${name}-module PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic -Wl,--gc-sections)
  set_target_properties(${name}-module PROPERTIES PREFIX "" OUTPUT_NAME ovl-${name}
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  set_property(GLOBAL APPEND PROPERTY OVL_MODULES ${name}-module)
endfunction()
