/*
 * Forebay's SQL: PostgreSQL's language plus streaming DDL, as a grammar over the tokens that
 * sql/parser/scanner.cpp makes. There is no lexer grammar: PostgreSQL's lexical rules (operators,
 * dollar quotes, nested comments, keyword classes) are easier to state exactly by hand.
 *
 * How it is kept fast and safe:
 *  - Expressions are flat: operands with their prefixes and postfixes, and a list of tails. The AST
 *    builder applies precedence (sql/parser/expression_chain.cpp), so that chains need no recursion
 *    here and no decision needs to look at precedence.
 *  - LPAREN_QUERY is a "(" that opens a query; the scanner knows it by matching parentheses.
 *  - The builder reads labels and first and last tokens only; no parse-tree children are kept.
 *
 * A token K_WORD is the keyword "word"; the scanner takes its table of keywords from these names.
 * A keyword that no rule needs is an ordinary IDENT.
 */
parser grammar ForebayParser;

@parser::members {
  static const std::string& symbolic_name(size_t token_type) { return _symbolicNames[token_type]; }
}

// The keywords stand last and class by class: sql/parser/nesting.cpp takes K_ABORT to K_ZONE for those
// that are not reserved.
tokens {
  IDENT, STRING, INTEGER, NUMERIC, BITSTRING, PARAM, OP,
  LPAREN, LPAREN_QUERY, RPAREN, LBRACKET, RBRACKET, COMMA, DOT, COLON, SEMICOLON,
  PLUS, MINUS, STAR, SLASH, PERCENT, CARET, LT, GT, EQ, LE, GE, NE, TYPECAST, ARROW, COLON_EQUALS,

  // Reserved.
  K_ALL, K_ANALYSE, K_ANALYZE, K_AND, K_ANY, K_ARRAY, K_AS, K_ASC, K_ASYMMETRIC, K_BOTH, K_CASE,
  K_CAST, K_CHECK, K_COLLATE, K_COLUMN, K_CONSTRAINT, K_CREATE, K_CURRENT_CATALOG, K_CURRENT_DATE,
  K_CURRENT_ROLE, K_CURRENT_TIME, K_CURRENT_TIMESTAMP, K_CURRENT_USER, K_DEFAULT, K_DEFERRABLE,
  K_DESC, K_DISTINCT, K_DO, K_ELSE, K_END, K_EXCEPT, K_FALSE, K_FETCH, K_FOR, K_FOREIGN, K_FROM,
  K_GRANT, K_GROUP, K_HAVING, K_IN, K_INITIALLY, K_INTERSECT, K_INTO, K_LATERAL, K_LEADING,
  K_LIMIT, K_LOCALTIME, K_LOCALTIMESTAMP, K_NOT, K_NULL, K_OFFSET, K_ON, K_ONLY, K_OR, K_ORDER,
  K_PLACING, K_PRIMARY, K_REFERENCES, K_RETURNING, K_SELECT, K_SESSION_USER, K_SOME, K_SYMMETRIC,
  K_TABLE, K_THEN, K_TO, K_TRAILING, K_TRUE, K_UNION, K_UNIQUE, K_USER, K_USING, K_VARIADIC,
  K_WHEN, K_WHERE, K_WINDOW, K_WITH,

  // May name functions and types.
  K_AUTHORIZATION, K_BINARY, K_COLLATION, K_CONCURRENTLY, K_CROSS, K_CURRENT_SCHEMA, K_FREEZE,
  K_FULL, K_ILIKE, K_INNER, K_IS, K_ISNULL, K_JOIN, K_LEFT, K_LIKE, K_NATURAL, K_NOTNULL, K_OUTER,
  K_OVERLAPS, K_RIGHT, K_SIMILAR, K_TABLESAMPLE, K_VERBOSE,

  // May name columns.
  K_BETWEEN, K_CHAR, K_CHARACTER, K_EXISTS, K_EXTRACT, K_GROUPING, K_INTERVAL, K_NATIONAL, K_OVERLAY,
  K_POSITION, K_PRECISION, K_ROW, K_SUBSTRING, K_TIME, K_TIMESTAMP, K_TRIM, K_VALUES,

  // Not reserved.
  K_ABORT, K_ADD, K_ALTER, K_ALWAYS, K_APPEND, K_ASOF, K_AT, K_BEGIN, K_BY, K_CALL, K_CASCADE, K_CHAIN,
  K_CHARACTERISTICS, K_CHECKPOINT, K_CLOSE, K_CLUSTER, K_COLUMNS, K_COMMENT, K_COMMIT, K_COMMITTED,
  K_CONFLICT, K_COPY, K_CUBE, K_CURRENT, K_DAY, K_DEALLOCATE, K_DECLARE, K_DELETE, K_DESCRIBE,
  K_DISCARD, K_DOUBLE, K_DROP, K_EMIT, K_ENCODE, K_ENFORCED, K_ERROR, K_ESCAPE, K_EXCLUDE, K_EXECUTE, K_EXPLAIN,
  K_FAIL, K_FILTER, K_FIRST, K_FLUSH, K_FOLLOWING, K_FORMAT, K_FUNCTION, K_GENERATED, K_GLOBAL, K_GROUPS,
  K_HOUR, K_IF, K_IGNORE, K_INCLUDE, K_INDEX, K_INSERT, K_ISOLATION, K_KEY, K_LANGUAGE, K_LAST, K_LATE, K_LEVEL,
  K_LISTEN, K_LOAD, K_LOCAL, K_LOCK, K_LOCKED, K_MAP, K_MATERIALIZED, K_MERGE, K_METADATA, K_MINUTE, K_MONTH, K_MOVE, K_NAMES,
  K_NEXT, K_NO, K_NOTHING, K_NOTIFY, K_NOWAIT, K_NULLS, K_OF, K_OPERATOR, K_ORDINALITY, K_OTHERS, K_OVER,
  K_OVERWRITE, K_PARTITION, K_PRECEDING, K_PREPARE, K_RANGE, K_READ, K_REASSIGN, K_RECURSIVE,
  K_REFRESH, K_REINDEX, K_RELEASE, K_RENAME, K_REPEATABLE, K_REPLACE, K_RESET, K_RESTRICT, K_RETURN, K_RETURNS, K_REVOKE,
  K_ROLLBACK, K_ROLLUP, K_ROWS, K_SAVEPOINT, K_SCHEMA, K_SECOND, K_SECURITY, K_SERIALIZABLE,
  K_SESSION, K_SET, K_SETOF, K_SETS, K_SHARE, K_SHOW, K_SINK, K_SKIP, K_SOURCE, K_START, K_STATEMENT, K_STORED, K_SUBSCRIBE, K_SYSTEM_TIME,
  K_TEMP, K_TEMPORARY, K_TIES, K_TRANSACTION, K_TRUNCATE, K_UNBOUNDED, K_UNCOMMITTED, K_UNKNOWN,
  K_UNLISTEN, K_UPDATE, K_VACUUM, K_VARYING, K_VERIFY, K_VIEW, K_VIRTUAL, K_WATERMARK, K_WITHIN, K_WITHOUT,
  K_WORK, K_WRITE, K_YEAR, K_ZONE
}

/* ---------------------------------------------------------------- entry points ---- */

oneStatement : body=statement EOF ;

oneExpression : body=expr EOF ;

statement
  : dml=dmlStatement
  | explain=explainStatement
  | create=createStatement
  | drop=dropStatement
  | session=sessionStatement
  | prepare=prepareStatement
  | truncate=truncateStatement
  | copy=copyStatement
  | alter=alterStatement
  | comment=commentStatement
  | refresh=refreshStatement
  | cursor=cursorStatement
  | discard=discardStatement
  | set=statementSet
  | other=otherStatement
  ;

/** What EXPLAIN, PREPARE and a session may run on data. */
dmlStatement
  : with=withClause? (body=queryBody | insert=insertBody | update=updateBody | remove=deleteBody)
  ;

/** RESTART IDENTITY and CONTINUE IDENTITY are no keywords here: the builder judges them. */
truncateStatement
  : K_TRUNCATE K_TABLE? K_ONLY? names+=qualifiedName STAR? (COMMA names+=qualifiedName STAR?)*
    (identity=IDENT IDENT)? behaviour=(K_CASCADE | K_RESTRICT)?
  ;

/** STDIN, STDOUT, PROGRAM and the words of the older spelling are no keywords: the builder judges them. */
copyStatement
  : K_COPY (name=qualifiedName columns=columnList? | LPAREN_QUERY sub=query RPAREN
      | LPAREN changing=dmlStatement RPAREN)
    direction=(K_FROM | K_TO) (end=IDENT file=STRING? | file=STRING)
    (K_WITH? LPAREN options+=copyOption (COMMA options+=copyOption)* RPAREN
      | K_WITH? words+=copyWord*)
    where=whereClause?
  ;

copyOption : key=colLabel (value=optionValue | star=STAR | columns=columnList)? ;

copyWord : word=(IDENT | K_NULL | K_ESCAPE | K_FREEZE | K_BINARY) (K_AS? value=STRING)? ;

/** PAUSE and RESUME are no keywords: the builder judges them. */
alterStatement
  : K_ALTER what=dropObject exists=ifExists? K_ONLY? name=qualifiedName
    ( K_RENAME K_TO newName=colId
    | K_RENAME column=K_COLUMN? oldColumn=colId K_TO newName=colId
    | K_ADD K_COLUMN? missing=ifNotExists? added=columnDefinition
    | action=IDENT
    )
  ;

/** DATA is no keyword: the builder judges it. */
refreshStatement
  : K_REFRESH K_MATERIALIZED K_VIEW concurrently=K_CONCURRENTLY? name=qualifiedName
    (K_WITH no=K_NO? data=IDENT)?
  ;

commentStatement
  : K_COMMENT K_ON (what=dropObject | column=K_COLUMN | function=K_FUNCTION) name=droppedFunction
    K_IS (value=STRING | none=K_NULL)
  ;

/** The words between name and FOR: BINARY, INSENSITIVE, NO, SCROLL, CURSOR, HOLD; the builder judges them. */
cursorStatement
  : declare=K_DECLARE name=colId words+=(IDENT | K_BINARY | K_NO)+
    (holds=(K_WITH | K_WITHOUT) hold=IDENT)? K_FOR body=query
  | action=(K_FETCH | K_MOVE) how=fetchHow? (K_FROM | K_IN)? name=colId
  | close=K_CLOSE (all=K_ALL | name=colId)
  ;

fetchHow
  : word=(K_NEXT | K_FIRST | K_LAST | K_ALL | IDENT) (sign=(PLUS | MINUS)? count=INTEGER | all=K_ALL)?
  | sign=(PLUS | MINUS)? count=INTEGER
  ;

discardStatement : K_DISCARD what=(K_ALL | K_TEMP | K_TEMPORARY | IDENT) ;

explainStatement
  : K_EXPLAIN (LPAREN options+=explainOption (COMMA options+=explainOption)* RPAREN
      | analyze=(K_ANALYZE | K_ANALYSE)? verbose=K_VERBOSE?)
    (dml=dmlStatement | view=createView | table=createTable | sink=createSink | execute=executeStatement
      | K_EXECUTE? K_STATEMENT inserts=K_SET K_BEGIN | K_MATERIALIZED K_VIEW running=qualifiedName)
  ;

explainOption : name=explainOptionName value=optionValue? ;

explainOptionName : colId | K_ANALYZE | K_ANALYSE | K_VERBOSE ;

/* ---------------------------------------------------------------- create, drop ---- */

createStatement : table=createTable | source=createSource | view=createView | schema=createSchema
  | function=createFunction | index=createIndex | sink=createSink ;

createSink
  : K_CREATE K_SINK exists=ifNotExists? name=qualifiedName K_INTO into=qualifiedName columns=columnList?
    (K_FROM from=qualifiedName | K_AS body=query) emit+=emitClause*
  | K_CREATE K_SINK exists=ifNotExists? name=qualifiedName
    (K_FROM from=qualifiedName | K_AS body=query) emit+=emitClause* K_WITH options=optionList
    (K_FORMAT format=colId K_ENCODE encode=colId encodeOptions=optionList?)?
  ;

createIndex
  : K_CREATE unique=K_UNIQUE? K_INDEX concurrently=K_CONCURRENTLY? (exists=ifNotExists? name=colId)?
    K_ON K_ONLY? table=qualifiedName (K_USING method=colId)?
    LPAREN items+=sortItem (COMMA items+=sortItem)* RPAREN (K_INCLUDE included=columnList)?
    where=whereClause?
  ;

createFunction
  : K_CREATE (K_OR replace=K_REPLACE)? K_FUNCTION name=qualifiedName
    LPAREN (params+=functionParam (COMMA params+=functionParam)*)? RPAREN
    (K_RETURNS (K_TABLE LPAREN cols+=functionParam (COMMA cols+=functionParam)* RPAREN
      | setof=K_SETOF? result=typeName))?
    options+=functionOption*
  ;

functionParam : name=colId type=typeName | type=typeName ;

/** IMMUTABLE, STRICT and the like are no keywords: the builder judges them. */
functionOption
  : K_AS body+=STRING (COMMA body+=STRING)?
  | K_RETURN value=expr
  | K_LANGUAGE language=(IDENT | STRING)
  | K_RETURNS strict=K_NULL K_ON K_NULL word=IDENT
  | word=IDENT (K_ON K_NULL input=IDENT)?
  ;

createSchema
  : K_CREATE K_SCHEMA exists=ifNotExists? name=colId (K_AUTHORIZATION role=roleName)?
  | K_CREATE K_SCHEMA exists=ifNotExists? K_AUTHORIZATION role=roleName
  ;

roleName : colId | K_CURRENT_USER | K_SESSION_USER | K_CURRENT_ROLE ;

createTable
  : K_CREATE (K_TEMP | K_TEMPORARY)? K_TABLE exists=ifNotExists? name=qualifiedName
    (LPAREN (elements+=tableElement (COMMA elements+=tableElement)*)? RPAREN | names=columnList)?
    clauses+=tableClause* (K_AS body=query (K_WITH no=K_NO? data=IDENT)?)?
  ;

createSource
  : K_CREATE K_SOURCE exists=ifNotExists? name=qualifiedName
    (LPAREN (elements+=tableElement (COMMA elements+=tableElement)*)? RPAREN)?
    clauses+=tableClause*
  ;

createView
  : K_CREATE (K_OR replace=K_REPLACE)? (K_TEMP | K_TEMPORARY)? materialized=K_MATERIALIZED? K_VIEW
    exists=ifNotExists? name=qualifiedName columns=columnList? (K_WITH options=optionList)?
    errors=onError? K_AS body=query emit+=emitClause*
  ;

emitClause
  : K_EMIT K_ON K_WINDOW close=K_CLOSE
  | K_EMIT K_LATE K_INTO late=qualifiedName
  ;

ifNotExists : K_IF K_NOT K_EXISTS ;

columnList : LPAREN names+=colId (COMMA names+=colId)* RPAREN ;

tableElement
  : K_WATERMARK K_FOR watermark=colId K_AS watermarkValue=expr
  | column=columnDefinition
  | constraint=tableConstraint
  ;

columnDefinition
  : name=colId type=typeName constraints+=columnConstraint*
  | name=colId K_AS computed=expr (K_COMMENT comment=STRING)?
  ;

columnConstraint
  : (K_CONSTRAINT colId)?
    ( notNull=K_NOT K_NULL
    | null=K_NULL
    | K_DEFAULT defaultValue=bexpr
    | primaryKey=K_PRIMARY K_KEY (K_NOT enforced=K_ENFORCED)?
    | unique=K_UNIQUE
    | check=K_CHECK LPAREN expr RPAREN
    | references=K_REFERENCES qualifiedName columnList?
    | (K_GENERATED K_ALWAYS)? K_AS generated=expr K_STORED?
    | K_COLLATE collation=qualifiedName
    | metadata=K_METADATA (K_FROM metadataKey=STRING)? isVirtual=K_VIRTUAL?
    | K_COMMENT comment=STRING
    )
  ;

tableConstraint
  : (K_CONSTRAINT colId)?
    ( primaryKey=K_PRIMARY K_KEY columns=columnList (K_NOT enforced=K_ENFORCED)?
    | unique=K_UNIQUE columns=columnList
    | check=K_CHECK LPAREN expr RPAREN
    | foreign=K_FOREIGN K_KEY columnList K_REFERENCES qualifiedName columnList?
    )
  ;

tableClause
  : append=K_APPEND K_ONLY
  | K_ON K_CONFLICT conflict=(K_OVERWRITE | K_IGNORE)
  | K_ON K_CONFLICT K_DO conflictDo=(K_NOTHING | K_UPDATE)
  | include=includeClause
  | K_WITH options=optionList
  | K_FORMAT format=colId K_ENCODE encode=colId encodeOptions=optionList?
  | errors=onError
  | K_COMMENT comment=STRING
  ;

includeClause : K_INCLUDE what=includeName (header=STRING)? (K_AS alias=colId)? ;

includeName : colId | K_OFFSET ;

onError : K_ON K_ERROR (K_INTO into=qualifiedName | skip=K_SKIP | fail=K_FAIL) ;

optionList : LPAREN (options+=option (COMMA options+=option)*)? RPAREN ;

option : key=optionKey EQ value=optionValue ;

optionKey : STRING | colLabel (DOT colLabel)* ;

optionValue : STRING | (PLUS | MINUS)? (INTEGER | NUMERIC) | colLabel (DOT colLabel)* ;

dropStatement
  : K_DROP what=dropObject exists=ifExists? names+=qualifiedName (COMMA names+=qualifiedName)*
    behaviour=(K_CASCADE | K_RESTRICT)?
  | K_DROP K_FUNCTION exists=ifExists? functions+=droppedFunction (COMMA functions+=droppedFunction)*
    behaviour=(K_CASCADE | K_RESTRICT)?
  ;

droppedFunction
  : name=qualifiedName (open=LPAREN (params+=functionParam (COMMA params+=functionParam)*)? RPAREN)? ;

dropObject : K_SOURCE | K_TABLE | K_VIEW | K_MATERIALIZED K_VIEW | K_SINK | K_INDEX | K_SCHEMA ;

ifExists : K_IF K_EXISTS ;

/* ---------------------------------------------------------------- insert, update, delete ---- */

insertBody
  : K_INSERT K_INTO name=qualifiedName (K_AS alias=colId)? columns=columnList?
    (body=query | K_DEFAULT defaults=K_VALUES) conflict=insertConflict? result=returningClause?
  ;

insertConflict
  : K_ON K_CONFLICT (conflictColumns=columnList | K_ON K_CONSTRAINT constraint=colId)?
    K_DO (nothing=K_NOTHING | K_UPDATE K_SET items+=setItem (COMMA items+=setItem)* where=whereClause?)
  ;

updateBody
  : K_UPDATE only=K_ONLY? name=qualifiedName STAR? (K_AS? alias=colId)?
    K_SET items+=setItem (COMMA items+=setItem)* from=fromClause? where=whereClause?
    result=returningClause?
  ;

setItem
  : column=colId EQ value=exprOrDefault
  | columns=columnList EQ (K_ROW? LPAREN values+=exprOrDefault (COMMA values+=exprOrDefault)* RPAREN
      | LPAREN_QUERY sub=query RPAREN)
  ;

deleteBody
  : K_DELETE K_FROM only=K_ONLY? name=qualifiedName STAR? (K_AS? alias=colId)?
    (K_USING usingTables+=tableRef (COMMA usingTables+=tableRef)*)? where=whereClause? result=returningClause?
  ;

returningClause : K_RETURNING targets+=target (COMMA targets+=target)* ;

exprOrDefault : value=expr | byDefault=K_DEFAULT ;

/* ---------------------------------------------------------------- session ---- */

sessionStatement
  : set=setStatement
  | reset=resetStatement
  | show=showStatement
  | transaction=transactionStatement
  | flush=K_FLUSH
  | describe=describeStatement
  ;

setStatement
  : K_SET scope=(K_SESSION | K_LOCAL)?
    ( K_TIME zone=K_ZONE values+=setValue
    | K_TIME zone=K_ZONE intervalZone=typedLiteral
    | names=K_NAMES values+=setValue?
    | name=settingName (K_TO | EQ) values+=setValue (COMMA values+=setValue)*
    | foreign=STRING EQ values+=setValue
    )
  | K_SET (characteristics=K_SESSION K_CHARACTERISTICS K_AS | scope=K_LOCAL)?
    transaction=K_TRANSACTION modes+=transactionMode (COMMA? modes+=transactionMode)*
  ;

settingName : colId (DOT colLabel)* ;

setValue
  : byDefault=K_DEFAULT
  | text=STRING
  | sign=(PLUS | MINUS)? number=(INTEGER | NUMERIC)
  | word=(K_TRUE | K_FALSE | K_ON)
  | ident=colId
  ;

resetStatement : K_RESET (all=K_ALL | K_TIME zone=K_ZONE | K_TRANSACTION isolation=K_ISOLATION K_LEVEL | name=settingName) ;

showStatement
  : K_SHOW ( all=K_ALL | K_TIME zone=K_ZONE | K_TRANSACTION isolation=K_ISOLATION K_LEVEL
    | materialized=K_MATERIALIZED words+=colId
    | create=K_CREATE object=dropObject of=qualifiedName
    | what=settingName (K_FROM of=qualifiedName)?
    )
  ;

describeStatement : K_DESCRIBE name=qualifiedName ;

transactionStatement
  : action=K_BEGIN (K_WORK | K_TRANSACTION)? (modes+=transactionMode (COMMA? modes+=transactionMode)*)?
  | action=K_START K_TRANSACTION (modes+=transactionMode (COMMA? modes+=transactionMode)*)?
  | action=(K_COMMIT | K_END | K_ROLLBACK | K_ABORT) (K_WORK | K_TRANSACTION)?
    (K_AND no=K_NO? chain=K_CHAIN)?
  | action=K_SAVEPOINT point=colId
  | action=K_RELEASE K_SAVEPOINT? point=colId
  | action=K_ROLLBACK (K_WORK | K_TRANSACTION)? to=K_TO K_SAVEPOINT? point=colId
  ;

transactionMode
  : K_ISOLATION K_LEVEL (K_READ K_UNCOMMITTED | K_READ K_COMMITTED | K_REPEATABLE K_READ | K_SERIALIZABLE)
  | K_READ (K_ONLY | K_WRITE)
  | K_NOT? K_DEFERRABLE
  ;

/** The INSERTs up to END belong together. Ends without a semicolon: parser.cpp. */
statementSet : K_EXECUTE K_STATEMENT K_SET K_BEGIN | K_BEGIN K_STATEMENT K_SET ;

prepareStatement
  : K_PREPARE name=colId (LPAREN types+=typeName (COMMA types+=typeName)* RPAREN)? K_AS body=dmlStatement
  | execute=executeStatement
  | deallocate=K_DEALLOCATE K_PREPARE? (all=K_ALL | name=colId)
  ;

executeStatement : K_EXECUTE name=colId (LPAREN args+=expr (COMMA args+=expr)* RPAREN)? ;

/** Statements that are known but not run by the engine: the binder refuses them by their name. */
otherStatement
  : ( K_ABORT | K_ALTER | K_ANALYSE | K_ANALYZE | K_CALL | K_CHECKPOINT | K_CLUSTER
    | K_DO | K_GRANT | K_LISTEN | K_LOAD
    | K_LOCK | K_MERGE | K_NOTIFY | K_REASSIGN | K_REFRESH | K_REINDEX | K_REVOKE
    | K_SECURITY | K_SUBSCRIBE | K_UNLISTEN | K_VACUUM | K_VERIFY
    ) anything*
  | K_CREATE (K_OR K_REPLACE)? otherObject anything*
  | K_DROP otherObject anything*
  | K_COMMENT K_ON otherObject anything*
  | K_DECLARE name=colId words+=(IDENT | K_BINARY | K_NO)+ K_FOR K_SUBSCRIBE anything*
  ;

otherObject : IDENT | K_SINK | K_UNIQUE? K_INDEX | K_USER | K_FOREIGN | K_CAST | K_COLLATION
  | K_OPERATOR | K_GLOBAL | K_CONSTRAINT ;

anything : ~SEMICOLON ;

/* ---------------------------------------------------------------- queries ---- */

query : with=withClause? body=queryBody ;

withClause : K_WITH recursive=K_RECURSIVE? ctes+=commonTable (COMMA ctes+=commonTable)* ;

commonTable
  : name=colId columns=columnList? K_AS (no=K_NOT? materialized=K_MATERIALIZED)?
    LPAREN_QUERY body=query RPAREN
  | name=colId columns=columnList? K_AS (no=K_NOT? materialized=K_MATERIALIZED)?
    LPAREN changing=dmlStatement RPAREN
  ;

/** The builder makes INTERSECT bind tighter. */
queryBody
  : first=queryPrimary (rest+=setOperation)* order=orderByClause? limits+=limitPart* ;

setOperation : op=(K_UNION | K_INTERSECT | K_EXCEPT) quantifier=(K_ALL | K_DISTINCT)? right=queryPrimary ;

queryPrimary
  : select=simpleSelect
  | values=valuesClause
  | K_TABLE table=qualifiedName
  | LPAREN_QUERY nested=query RPAREN
  ;

simpleSelect
  : K_SELECT (all=K_ALL | distinct=K_DISTINCT (K_ON LPAREN on+=expr (COMMA on+=expr)* RPAREN)?)?
    (targets+=target (COMMA targets+=target)*)?
    (into=K_INTO K_TABLE? qualifiedName)?
    from=fromClause? where=whereClause? group=groupByClause? (K_HAVING having=expr)?
    (K_WINDOW windows+=namedWindow (COMMA windows+=namedWindow)*)?
  ;

target : star=STAR | value=expr (K_AS label=colLabel | bare=bareLabel)? ;

valuesClause : K_VALUES rows+=valuesRow (COMMA rows+=valuesRow)* ;

valuesRow
  : LPAREN values+=exprOrDefault (COMMA values+=exprOrDefault)* RPAREN
  | LPAREN_QUERY sub=query RPAREN
  ;

fromClause : K_FROM tables+=tableRef (COMMA tables+=tableRef)* ;

whereClause : K_WHERE value=expr ;

groupByClause : K_GROUP K_BY quantifier=(K_ALL | K_DISTINCT)? items+=groupItem (COMMA items+=groupItem)* ;

groupItem
  : empty=LPAREN RPAREN
  | kind=(K_ROLLUP | K_CUBE) LPAREN exprs+=expr (COMMA exprs+=expr)* RPAREN
  | kind=K_GROUPING K_SETS LPAREN items+=groupItem (COMMA items+=groupItem)* RPAREN
  | value=expr
  ;

namedWindow : name=colId K_AS spec=windowSpec ;

orderByClause : K_ORDER K_BY items+=sortItem (COMMA items+=sortItem)* ;

sortItem
  : value=expr (direction=(K_ASC | K_DESC) | K_USING usingOp=OP)?
    (K_NULLS nulls=(K_FIRST | K_LAST))?
  ;

limitPart
  : K_LIMIT (all=K_ALL | limit=expr)
  | K_OFFSET offset=expr (K_ROW | K_ROWS)?
  | fetch=K_FETCH (K_FIRST | K_NEXT) count=fetchCount? (K_ROW | K_ROWS) (K_ONLY | K_WITH ties=K_TIES)
  | lock=K_FOR (K_UPDATE | K_NO K_KEY K_UPDATE | K_SHARE | K_KEY K_SHARE)
    (K_OF qualifiedName (COMMA qualifiedName)*)? (K_NOWAIT | K_SKIP K_LOCKED)?
  ;

fetchCount : sign=(PLUS | MINUS)? number=(INTEGER | NUMERIC | PARAM) | LPAREN value=expr RPAREN ;

tableRef : first=tablePrimary (joins+=joinTail)* ;

tablePrimary
  : only=K_ONLY? name=qualifiedName STAR?
    (asOf=systemTime alias=tableAlias? | alias=tableAlias asOf=systemTime?)?
  | lateral=K_LATERAL? function=functionCall (ordinality=withOrdinality)? alias=tableAlias?
  | lateral=K_LATERAL? K_TABLE LPAREN function=functionCall RPAREN alias=tableAlias?
  | lateral=K_LATERAL? LPAREN_QUERY sub=query RPAREN alias=tableAlias?
  | LPAREN nested=tableRef RPAREN alias=tableAlias?
  ;

withOrdinality : K_WITH K_ORDINALITY ;

systemTime : K_FOR K_SYSTEM_TIME K_AS K_OF value=expr ;

/** EMIT begins a clause of CREATE MATERIALIZED VIEW and ASOF a join, so they are aliases only after AS. */
tableAlias : (K_AS name=colId | bare=bareAlias) (LPAREN columns+=aliasColumn (COMMA columns+=aliasColumn)* RPAREN)? ;

aliasColumn : name=colId type=typeName? ;

joinTail
  : cross=K_CROSS K_JOIN right=tablePrimary
  | natural=K_NATURAL (kind=(K_INNER | K_LEFT | K_RIGHT | K_FULL) K_OUTER?)? K_JOIN right=tablePrimary
  | asof=K_ASOF? (kind=(K_INNER | K_LEFT | K_RIGHT | K_FULL) K_OUTER?)? K_JOIN nested=tableRef
    (K_ON condition=expr | K_USING usingColumns=columnList (K_AS usingAlias=colId)?)
  ;

/* ---------------------------------------------------------------- expressions ---- */

expr : head=operand (tails+=exprTail)* ;

/** PostgreSQL's b_expr: where AND, IN and NOT would be ambiguous (DEFAULT, POSITION). */
bexpr : head=operand (tails+=bexprTail)* ;

exprTail
  : op=(PLUS | MINUS | STAR | SLASH | PERCENT | CARET | LT | GT | EQ | LE | GE | NE | OP)
    (right=operand | quantifier=(K_ANY | K_SOME | K_ALL) quantified=quantifiedArgument)
  | qualified=qualifiedOperator
    (right=operand | quantifier=(K_ANY | K_SOME | K_ALL) quantified=quantifiedArgument)
  | op=(K_AND | K_OR) right=operand
  | op=K_IS negated=K_NOT? (what=(K_NULL | K_TRUE | K_FALSE | K_UNKNOWN) | K_DISTINCT K_FROM right=operand)
  | op=(K_ISNULL | K_NOTNULL)
  | negated=K_NOT? op=K_BETWEEN what=(K_SYMMETRIC | K_ASYMMETRIC)? right=operand
  | negated=K_NOT? op=K_IN (LPAREN items+=expr (COMMA items+=expr)* RPAREN | LPAREN_QUERY sub=query RPAREN)
  | negated=K_NOT? op=(K_LIKE | K_ILIKE)
    (right=operand | quantifier=(K_ANY | K_SOME | K_ALL) quantified=quantifiedArgument)
  | negated=K_NOT? op=K_SIMILAR K_TO right=operand
  | op=K_ESCAPE right=operand
  | op=K_COLLATE collation=qualifiedName
  | op=K_AT K_TIME K_ZONE right=operand
  ;

bexprTail
  : op=(PLUS | MINUS | STAR | SLASH | PERCENT | CARET | LT | GT | EQ | LE | GE | NE | OP) right=operand
  | qualified=qualifiedOperator right=operand
  | op=K_IS negated=K_NOT? K_DISTINCT K_FROM right=operand
  ;

qualifiedOperator : K_OPERATOR LPAREN (colId DOT)* anyOperator RPAREN ;

anyOperator : PLUS | MINUS | STAR | SLASH | PERCENT | CARET | LT | GT | EQ | LE | GE | NE | OP ;

quantifiedArgument : LPAREN value=expr RPAREN | LPAREN_QUERY sub=query RPAREN ;

operand : (prefixes+=(K_NOT | PLUS | MINUS | OP))* value=primary (posts+=postfix)* ;

postfix
  : cast=TYPECAST type=typeName
  | LBRACKET (index=expr | lower=expr? slice=COLON upper=expr?) RBRACKET (DOT fields+=colLabel)*
  ;

primary
  : literal=(STRING | INTEGER | NUMERIC | BITSTRING | PARAM | K_TRUE | K_FALSE | K_NULL)
  | name=qualifiedName ((DOT star=STAR) | typedString=STRING)?
  | special=specialCall  // before functionCall: POSITION(a IN (b)) is no call with one argument
  | call=functionCall typedString=STRING?
  | typed=typedLiteral
  | open=LPAREN items+=expr (COMMA items+=expr)* RPAREN (DOT (fields+=colLabel | star=STAR))*
  | open=LPAREN_QUERY sub=query RPAREN (DOT fields+=colLabel)*
  | caseOf=caseExpr
  | word=K_EXISTS LPAREN_QUERY sub=query RPAREN
  | word=K_ARRAY (array=arrayItems | LPAREN_QUERY sub=query RPAREN)
  | word=K_ROW LPAREN (items+=expr (COMMA items+=expr)*)? RPAREN
  | word=K_CAST LPAREN items+=expr K_AS type=typeName RPAREN
  | valueFunction=(K_CURRENT_DATE | K_CURRENT_TIME | K_CURRENT_TIMESTAMP | K_LOCALTIME | K_LOCALTIMESTAMP)
    (LPAREN precision=INTEGER RPAREN)?
  | valueFunction=(K_CURRENT_CATALOG | K_CURRENT_ROLE | K_CURRENT_USER | K_SESSION_USER | K_USER)
  | valueFunction=K_CURRENT_SCHEMA (parens=LPAREN RPAREN)?
  ;

arrayItems : LBRACKET (items+=expr (COMMA items+=expr)* | rows+=arrayItems (COMMA rows+=arrayItems)*)? RBRACKET ;

caseExpr : K_CASE subject=expr? whens+=caseWhen+ (K_ELSE otherwise=expr)? K_END ;

caseWhen : K_WHEN condition=expr K_THEN result=expr ;

specialCall
  : what=K_EXTRACT LPAREN field=extractField K_FROM args+=expr RPAREN
  | what=K_SUBSTRING LPAREN args+=expr K_FROM from=expr (K_FOR count=expr)? RPAREN
  | what=K_SUBSTRING LPAREN args+=expr K_FOR count=expr (K_FROM from=expr)? RPAREN
  | what=K_POSITION LPAREN needle=bexpr K_IN hay=bexpr RPAREN
  | what=K_OVERLAY LPAREN args+=expr K_PLACING placing=expr K_FROM from=expr (K_FOR count=expr)? RPAREN
  | what=K_TRIM LPAREN side=(K_BOTH | K_LEADING | K_TRAILING)? chars=expr? K_FROM args+=expr (COMMA args+=expr)* RPAREN
  | what=K_TRIM LPAREN side=(K_BOTH | K_LEADING | K_TRAILING)? args+=expr (COMMA args+=expr)* RPAREN
  ;

extractField : STRING | colLabel ;

typedLiteral
  : K_INTERVAL (LPAREN precision=INTEGER RPAREN)? value=STRING fields=intervalFields?
  | type=keywordType value=STRING
  ;

functionCall
  : name=functionName LPAREN
    (star=STAR | quantifier=(K_ALL | K_DISTINCT)? args+=argument (COMMA args+=argument)* order=orderByClause?)?
    RPAREN
    (K_WITHIN K_GROUP LPAREN within=orderByClause RPAREN)?
    (K_FILTER LPAREN K_WHERE filter=expr RPAREN)?
    (K_OVER (overName=colId | over=windowSpec))?
  ;

/** ROW, TRIM and the names of types are left out: with them "(" begins something else. */
functionName
  : (IDENT | unreservedWord) (DOT colLabel)*
  | K_EXTRACT | K_GROUPING | K_LEFT | K_OVERLAY | K_POSITION | K_RIGHT | K_SUBSTRING
  ;

/** TABLE t and PARTITION BY belong to the table functions of windows. */
argument
  : (name=colId (ARROW | COLON_EQUALS))? (variadic=K_VARIADIC? value=expr | K_TABLE table=qualifiedName)
    (K_PARTITION K_BY partition=primary)?
  ;

windowSpec
  : open=LPAREN existing=colId? (K_PARTITION K_BY partition+=expr (COMMA partition+=expr)*)?
    order=orderByClause? frame=windowFrame? RPAREN
  ;

windowFrame
  : unit=(K_ROWS | K_RANGE | K_GROUPS) (K_BETWEEN lower=frameBound K_AND upper=frameBound | lower=frameBound)
    (K_EXCLUDE (K_CURRENT excluded=K_ROW | excluded=K_GROUP | excluded=K_TIES | K_NO excluded=K_OTHERS))?
  ;

frameBound
  : unbounded=K_UNBOUNDED direction=(K_PRECEDING | K_FOLLOWING)
  | current=K_CURRENT K_ROW
  | value=expr direction=(K_PRECEDING | K_FOLLOWING)
  ;

/* ---------------------------------------------------------------- types ---- */

typeName : base=simpleType (LBRACKET dims+=INTEGER? RBRACKET)* | base=simpleType array=K_ARRAY (LBRACKET INTEGER RBRACKET)? ;

simpleType
  : keyword=keywordType
  | array=K_ARRAY LT element=typeName GT
  | nested=K_MAP LT typeName COMMA typeName GT
  | nested=K_ROW LT colId typeName STRING? (COMMA colId typeName STRING?)* GT
  | K_INTERVAL fields=intervalFields? (LPAREN precision=INTEGER RPAREN)?
  | name=typeFunctionName (LPAREN modifiers+=typeModifier (COMMA modifiers+=typeModifier)* RPAREN)?
  ;

typeModifier : sign=MINUS? value=INTEGER ;

typeFunctionName : (IDENT | unreservedWord) (DOT colLabel)* ;

/** Types whose names are keywords; the builder reads the tokens. */
keywordType
  : kind=K_DOUBLE K_PRECISION
  | K_NATIONAL? kind=(K_CHARACTER | K_CHAR) varying=K_VARYING? (LPAREN precision=INTEGER RPAREN)?
  | kind=(K_TIMESTAMP | K_TIME) (LPAREN precision=INTEGER RPAREN)?
    (zone=(K_WITH | K_WITHOUT) local=K_LOCAL? K_TIME K_ZONE)?
  ;

intervalFields
  : K_YEAR (K_TO K_MONTH)?
  | K_MONTH
  | K_DAY (K_TO (K_HOUR | K_MINUTE | secondField))?
  | K_HOUR (K_TO (K_MINUTE | secondField))?
  | K_MINUTE (K_TO secondField)?
  | secondField
  ;

secondField : K_SECOND (LPAREN precision=INTEGER RPAREN)? ;

/* ---------------------------------------------------------------- names ---- */

qualifiedName : colId (DOT colLabel)* ;

colId : IDENT | unreservedWord | columnWord ;

/** colId without EMIT and ASOF. */
bareAlias : IDENT | unreservedWordButEmit | columnWord ;

unreservedWord : unreservedWordButEmit | K_EMIT | K_ASOF ;

/** BETWEEN, EXISTS and VALUES could be here too in PostgreSQL. */
columnWord
  : K_CHAR | K_CHARACTER | K_EXTRACT | K_GROUPING | K_INTERVAL | K_NATIONAL | K_OVERLAY | K_POSITION
  | K_PRECISION | K_ROW | K_SUBSTRING | K_TIME | K_TIMESTAMP | K_TRIM
  ;

/** ROLLUP and CUBE are left out: they begin grouping sets. */
unreservedWordButEmit
  : K_ABORT | K_ADD | K_ALTER | K_ALWAYS | K_APPEND | K_AT | K_BEGIN | K_BY | K_CALL | K_CASCADE | K_CHAIN
  | K_CHARACTERISTICS | K_CHECKPOINT | K_CLOSE | K_CLUSTER | K_COLUMNS | K_COMMENT | K_COMMIT
  | K_COMMITTED | K_CONFLICT | K_COPY | K_CURRENT | K_DAY | K_DEALLOCATE | K_DECLARE | K_DELETE
  | K_DESCRIBE | K_DISCARD | K_DOUBLE | K_DROP | K_ENCODE | K_ENFORCED | K_ERROR | K_ESCAPE | K_EXCLUDE | K_EXECUTE
  | K_EXPLAIN | K_FAIL | K_FILTER | K_FIRST | K_FLUSH | K_FOLLOWING | K_FORMAT | K_FUNCTION | K_GENERATED
  | K_GLOBAL | K_GROUPS | K_HOUR | K_IF | K_IGNORE | K_INCLUDE | K_INDEX | K_INSERT | K_ISOLATION
  | K_KEY | K_LANGUAGE | K_LAST | K_LATE | K_LEVEL | K_LISTEN | K_LOAD | K_LOCAL | K_LOCK | K_LOCKED | K_MAP | K_MATERIALIZED
  | K_MERGE | K_METADATA | K_MINUTE | K_MONTH | K_MOVE | K_NAMES | K_NEXT | K_NO | K_NOTHING | K_NOTIFY | K_NOWAIT | K_NULLS | K_OF
  | K_OPERATOR | K_ORDINALITY | K_OTHERS | K_OVER | K_OVERWRITE | K_PARTITION | K_PRECEDING
  | K_PREPARE | K_RANGE | K_READ | K_REASSIGN | K_RECURSIVE | K_REFRESH | K_REINDEX | K_RELEASE
  | K_RENAME | K_REPEATABLE | K_REPLACE | K_RESET | K_RESTRICT | K_RETURN | K_RETURNS | K_REVOKE | K_ROLLBACK | K_ROWS | K_SAVEPOINT
  | K_SCHEMA | K_SECOND | K_SECURITY | K_SERIALIZABLE | K_SESSION | K_SET | K_SETOF | K_SETS | K_SHARE | K_SHOW | K_SINK
  | K_SKIP | K_SOURCE | K_START | K_STATEMENT | K_STORED | K_SUBSCRIBE | K_SYSTEM_TIME | K_TEMP | K_TEMPORARY | K_TIES
  | K_TRANSACTION | K_TRUNCATE | K_UNBOUNDED | K_UNCOMMITTED | K_UNKNOWN | K_UNLISTEN | K_UPDATE
  | K_VACUUM | K_VARYING | K_VERIFY | K_VIEW | K_VIRTUAL | K_WATERMARK | K_WITHIN | K_WITHOUT | K_WORK | K_WRITE
  | K_YEAR | K_ZONE
  ;

/** What may follow AS: any word. */
colLabel : IDENT | unreservedWord | columnWord | functionWord | reservedWord | K_ROLLUP | K_CUBE
  | K_BETWEEN | K_EXISTS | K_VALUES ;

functionWord
  : K_AUTHORIZATION | K_BINARY | K_COLLATION | K_CONCURRENTLY | K_CROSS | K_CURRENT_SCHEMA | K_FREEZE
  | K_FULL | K_ILIKE | K_INNER | K_IS | K_ISNULL | K_JOIN | K_LEFT | K_LIKE | K_NATURAL | K_NOTNULL
  | K_OUTER | K_OVERLAPS | K_RIGHT | K_SIMILAR | K_TABLESAMPLE | K_VERBOSE
  ;

reservedWord
  : K_ALL | K_ANALYSE | K_ANALYZE | K_AND | K_ANY | K_ARRAY | K_AS | K_ASC | K_ASYMMETRIC | K_BOTH
  | K_CASE | K_CAST | K_CHECK | K_COLLATE | K_COLUMN | K_CONSTRAINT | K_CREATE | K_CURRENT_CATALOG
  | K_CURRENT_DATE | K_CURRENT_ROLE | K_CURRENT_TIME | K_CURRENT_TIMESTAMP | K_CURRENT_USER
  | K_DEFAULT | K_DEFERRABLE | K_DESC | K_DISTINCT | K_DO | K_ELSE | K_END | K_EXCEPT | K_FALSE
  | K_FETCH | K_FOR | K_FOREIGN | K_FROM | K_GRANT | K_GROUP | K_HAVING | K_IN | K_INITIALLY
  | K_INTERSECT | K_INTO | K_LATERAL | K_LEADING | K_LIMIT | K_LOCALTIME | K_LOCALTIMESTAMP | K_NOT
  | K_NULL | K_OFFSET | K_ON | K_ONLY | K_OR | K_ORDER | K_PLACING | K_PRIMARY | K_REFERENCES
  | K_RETURNING | K_SELECT | K_SESSION_USER | K_SOME | K_SYMMETRIC | K_TABLE | K_THEN | K_TO
  | K_TRAILING | K_TRUE | K_UNION | K_UNIQUE | K_USER | K_USING | K_VARIADIC | K_WHEN | K_WHERE
  | K_WINDOW | K_WITH
  ;

/** A column label without AS: PostgreSQL's BARE_LABEL words, less those that continue an expression. */
bareLabel
  : IDENT | bareUnreservedWord
  | K_EXTRACT | K_GROUPING | K_INTERVAL | K_NATIONAL | K_OVERLAY | K_POSITION | K_ROW | K_SUBSTRING
  | K_TIME | K_TIMESTAMP | K_TRIM | K_VALUES | K_EXISTS
  | K_AUTHORIZATION | K_BINARY | K_COLLATION | K_CONCURRENTLY | K_CROSS | K_CURRENT_SCHEMA | K_FREEZE
  | K_FULL | K_INNER | K_JOIN | K_LEFT | K_NATURAL | K_OUTER | K_RIGHT | K_TABLESAMPLE | K_VERBOSE
  | K_ALL | K_ANALYSE | K_ANALYZE | K_ANY | K_ASC | K_ASYMMETRIC | K_BOTH | K_CASE | K_CAST | K_CHECK
  | K_COLUMN | K_CONSTRAINT | K_CURRENT_CATALOG | K_CURRENT_DATE | K_CURRENT_ROLE | K_CURRENT_TIME
  | K_CURRENT_TIMESTAMP | K_CURRENT_USER | K_DEFAULT | K_DEFERRABLE | K_DESC | K_DISTINCT | K_DO
  | K_ELSE | K_END | K_FALSE | K_FOREIGN | K_INITIALLY | K_LATERAL | K_LEADING | K_LOCALTIME
  | K_LOCALTIMESTAMP | K_NULL | K_ONLY | K_PLACING | K_PRIMARY | K_REFERENCES | K_SELECT
  | K_SESSION_USER | K_SOME | K_SYMMETRIC | K_TABLE | K_THEN | K_TRAILING | K_TRUE | K_UNIQUE
  | K_USER | K_USING | K_VARIADIC | K_WHEN
  ;

/** Less DAY, FILTER, HOUR, MINUTE, MONTH, OVER, SECOND, VARYING, WITHIN, WITHOUT, YEAR, and EMIT. */
bareUnreservedWord
  : K_ABORT | K_ADD | K_ALTER | K_ALWAYS | K_APPEND | K_ASOF | K_AT | K_BEGIN | K_BY | K_CALL | K_CASCADE | K_CHAIN
  | K_CHARACTERISTICS | K_CHECKPOINT | K_CLOSE | K_CLUSTER | K_COLUMNS | K_COMMENT | K_COMMIT
  | K_COMMITTED | K_CONFLICT | K_COPY | K_CUBE | K_CURRENT | K_DEALLOCATE | K_DECLARE | K_DELETE
  | K_DESCRIBE | K_DISCARD | K_DOUBLE | K_DROP | K_ENCODE | K_ENFORCED | K_ERROR | K_ESCAPE | K_EXCLUDE | K_EXECUTE
  | K_EXPLAIN | K_FAIL | K_FIRST | K_FLUSH | K_FOLLOWING | K_FORMAT | K_FUNCTION | K_GENERATED | K_GLOBAL | K_GROUPS
  | K_IF | K_IGNORE | K_INCLUDE | K_INDEX | K_INSERT | K_ISOLATION | K_KEY | K_LANGUAGE | K_LAST | K_LATE
  | K_LEVEL | K_LISTEN | K_LOAD | K_LOCAL | K_LOCK | K_LOCKED | K_MAP | K_MATERIALIZED | K_MERGE | K_METADATA | K_MOVE | K_NAMES
  | K_NEXT | K_NO | K_NOTHING | K_NOTIFY | K_NOWAIT | K_NULLS | K_OF | K_OPERATOR | K_ORDINALITY | K_OTHERS
  | K_OVERWRITE | K_PARTITION | K_PRECEDING | K_PREPARE | K_RANGE | K_READ | K_REASSIGN | K_RECURSIVE
  | K_REFRESH | K_REINDEX | K_RELEASE | K_RENAME | K_REPEATABLE | K_REPLACE | K_RESET | K_RESTRICT | K_RETURN | K_RETURNS | K_REVOKE
  | K_ROLLBACK | K_ROLLUP | K_ROWS | K_SAVEPOINT | K_SCHEMA | K_SECURITY | K_SERIALIZABLE | K_SESSION
  | K_SET | K_SETOF | K_SETS | K_SHARE | K_SHOW | K_SINK | K_SKIP | K_SOURCE | K_START | K_STATEMENT | K_STORED | K_SUBSCRIBE | K_SYSTEM_TIME | K_TEMP
  | K_TEMPORARY | K_TIES | K_TRANSACTION | K_TRUNCATE | K_UNBOUNDED | K_UNCOMMITTED | K_UNKNOWN
  | K_UNLISTEN | K_UPDATE | K_VACUUM | K_VERIFY | K_VIEW | K_VIRTUAL | K_WATERMARK | K_WORK | K_WRITE | K_ZONE
  ;
