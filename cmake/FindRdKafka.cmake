# librdkafka as scripts/setup builds it, in .deps/librdkafka of the project: target RdKafka::rdkafka.
set(RdKafka_ROOT_FOLDER ${CMAKE_SOURCE_DIR}/.deps/librdkafka)
find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h PATHS ${RdKafka_ROOT_FOLDER}/include NO_DEFAULT_PATH)
find_library(RdKafka_LIBRARY librdkafka.a PATHS ${RdKafka_ROOT_FOLDER}/lib NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(RdKafka
  REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run scripts/setup, which builds it")
if(RdKafka_FOUND AND NOT TARGET RdKafka::rdkafka)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(rdkafka_needs REQUIRED IMPORTED_TARGET zlib libssl libcrypto libsasl2 libzstd libcurl)
  find_package(Threads REQUIRED)
  add_library(RdKafka::rdkafka STATIC IMPORTED)
  set_target_properties(RdKafka::rdkafka PROPERTIES
    IMPORTED_LOCATION ${RdKafka_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${RdKafka_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES "PkgConfig::rdkafka_needs;Threads::Threads;m;dl;rt")
endif()
