# The grammar: ANTLR makes C++ of sql/grammar/ForebayParser.g4 at build time, and that becomes the
# library forebay_grammar, which only the parser sees. Debian's tool (4.7.2) and runtime (4.9) fit
# together; what the tool writes needs -fno-char8_t.
find_program(ANTLR4_TOOL antlr4 REQUIRED)
find_path(ANTLR4_RUNTIME_INCLUDE antlr4-runtime.h PATH_SUFFIXES antlr4-runtime REQUIRED)
find_library(ANTLR4_RUNTIME_LIBRARY NAMES libantlr4-runtime.a antlr4-runtime REQUIRED)

set(grammar_source ${CMAKE_SOURCE_DIR}/sql/grammar/ForebayParser.g4)
set(grammar_folder ${CMAKE_BINARY_DIR}/generated/sql/grammar)
file(MAKE_DIRECTORY ${grammar_folder})
add_custom_command(
  OUTPUT ${grammar_folder}/ForebayParser.cpp ${grammar_folder}/ForebayParser.h
  COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C.UTF-8
          ${ANTLR4_TOOL} -Dlanguage=Cpp -no-listener -no-visitor -Werror
          -package forebay::sql::grammar -o ${grammar_folder} ForebayParser.g4
  DEPENDS ${grammar_source}
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/sql/grammar
  COMMENT "Generating the parser of sql/grammar/ForebayParser.g4" VERBATIM)

add_library(forebay_grammar STATIC ${grammar_folder}/ForebayParser.cpp ${grammar_folder}/ForebayParser.h)
target_include_directories(forebay_grammar SYSTEM PUBLIC ${ANTLR4_RUNTIME_INCLUDE} ${grammar_folder})
target_compile_options(forebay_grammar PRIVATE -w -O2 -fno-char8_t)
target_link_libraries(forebay_grammar PUBLIC ${ANTLR4_RUNTIME_LIBRARY})

# Of ours the parser needs data only.
target_link_libraries(forebay_sql PUBLIC forebay_data PRIVATE forebay_grammar)
