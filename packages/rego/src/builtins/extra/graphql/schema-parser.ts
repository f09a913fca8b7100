/** Parser of type system documents (section 3). */
import type {
  ArgumentDefinition,
  Definition,
  DirectiveDefinition,
  EnumValueDefinition,
  FieldDefinition,
  OperationTypeDefinition,
  SchemaDefinition,
  SchemaDocument,
} from './ast.js';
import { BaseParser } from './parser.js';

const KINDS: Readonly<Record<string, string>> = {
  scalar: 'SCALAR',
  type: 'OBJECT',
  interface: 'INTERFACE',
  union: 'UNION',
  enum: 'ENUM',
  input: 'INPUT_OBJECT',
};

const LOCATIONS: ReadonlySet<string> = new Set(
  (
    'QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT VARIABLE_DEFINITION ' +
    'SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM ENUM_VALUE INPUT_OBJECT ' +
    'INPUT_FIELD_DEFINITION'
  ).split(' '),
);

/** `isBuiltIn` marks the definitions every schema has. */
export function parseSchema(text: string, isBuiltIn = false): SchemaDocument {
  return new SchemaParser(text, isBuiltIn).document();
}

class SchemaParser extends BaseParser {
  readonly #isBuiltIn: boolean;

  constructor(text: string, isBuiltIn: boolean) {
    super(text);
    this.#isBuiltIn = isBuiltIn;
  }

  document(): SchemaDocument {
    const document: SchemaDocument = {
      Schema: [],
      SchemaExtension: [],
      Directives: [],
      Definitions: [],
      Extensions: [],
    };
    while (this.peek().kind !== '<EOF>') {
      const first = this.peek();
      const description = this.#description();
      const token = this.peek();
      if (token.kind !== 'Name') throw this.unexpected();
      if (Object.hasOwn(KINDS, token.value)) document.Definitions.push(this.#definition(description, false));
      else if (token.value === 'schema') document.Schema.push(this.#schema(description, false));
      else if (token.value === 'directive') document.Directives.push(this.#directive(description));
      else if (token.value === 'extend') {
        if (description !== '') throw this.unexpected(first);
        this.#extension(document);
      } else throw this.unexpected();
    }
    return document;
  }

  #description(): string {
    const { kind } = this.peek();
    return kind === 'String' || kind === 'BlockString' ? this.next().value : '';
  }

  #extension(document: SchemaDocument): void {
    this.expectKeyword('extend');
    const token = this.peek();
    if (token.kind === 'Name' && token.value === 'schema') {
      document.SchemaExtension.push(this.#schema('', true));
    } else if (token.kind === 'Name' && Object.hasOwn(KINDS, token.value)) {
      document.Extensions.push(this.#definition('', true));
    } else throw this.unexpected();
  }

  #schema(description: string, isExtension: boolean): SchemaDefinition {
    this.expectKeyword('schema');
    const position = this.at();
    const directives = this.directives(true);
    const operations: OperationTypeDefinition[] = [];
    this.some('{', '}', () => {
      const start = this.peek();
      const operation = this.name();
      if (!['query', 'mutation', 'subscription'].includes(operation)) throw this.unexpected(start);
      this.expect(':');
      operations.push({ Operation: operation, Type: this.name(), position: start.position });
    });
    if (isExtension && directives.length + operations.length === 0) throw this.unexpected();
    return { Description: description, Directives: directives, OperationTypes: operations, position };
  }

  #definition(description: string, isExtension: boolean): Definition {
    const keyword = this.next().value;
    const position = this.at();
    const definition: Definition = {
      Kind: KINDS[keyword] as string,
      Description: description,
      Name: this.name(),
      Directives: [],
      Interfaces: keyword === 'type' || keyword === 'interface' ? this.#interfaces() : [],
      Fields: [],
      Types: [],
      EnumValues: [],
      BuiltIn: this.#isBuiltIn,
      position,
    };
    definition.Directives = this.directives(true);
    if (keyword === 'type' || keyword === 'interface') definition.Fields = this.#fields();
    if (keyword === 'input') definition.Fields = this.#inputFields();
    if (keyword === 'enum') definition.EnumValues = this.#enumValues();
    if (keyword === 'union' && this.skip('=')) definition.Types = this.#separated('|');
    const parts = [
      definition.Directives,
      definition.Interfaces,
      definition.Fields,
      definition.Types,
      definition.EnumValues,
    ];
    if (isExtension && parts.every((part) => part.length === 0)) throw this.unexpected();
    return definition;
  }

  #interfaces(): string[] {
    if (!this.isKeyword('implements')) return [];
    this.next();
    return this.#separated('&');
  }

  /** Names with a separator between them and perhaps one in front. */
  #separated(separator: '&' | '|'): string[] {
    this.skip(separator);
    const names = [this.name()];
    while (this.skip(separator)) names.push(this.name());
    return names;
  }

  #fields(): FieldDefinition[] {
    const list: FieldDefinition[] = [];
    this.some('{', '}', () => {
      const position = this.at();
      const description = this.#description();
      const name = this.name();
      const args = this.#argumentDefinitions();
      this.expect(':');
      list.push({
        Description: description,
        Name: name,
        Arguments: args,
        DefaultValue: undefined,
        Type: this.type(),
        Directives: this.directives(true),
        position,
      });
    });
    return list;
  }

  #inputFields(): FieldDefinition[] {
    const list: FieldDefinition[] = [];
    this.some('{', '}', () => list.push({ ...this.#inputValue(), Arguments: [] }));
    return list;
  }

  #argumentDefinitions(): ArgumentDefinition[] {
    const list: ArgumentDefinition[] = [];
    this.some('(', ')', () => list.push(this.#inputValue()));
    return list;
  }

  #inputValue(): ArgumentDefinition {
    const position = this.at();
    const description = this.#description();
    const name = this.name();
    this.expect(':');
    const type = this.type();
    const value = this.skip('=') ? this.value(true) : undefined;
    return {
      Description: description,
      Name: name,
      DefaultValue: value,
      Type: type,
      Directives: this.directives(true),
      position,
    };
  }

  #enumValues(): EnumValueDefinition[] {
    const list: EnumValueDefinition[] = [];
    this.some('{', '}', () => {
      const position = this.at();
      list.push({ Description: this.#description(), Name: this.name(), Directives: this.directives(true), position });
    });
    return list;
  }

  #directive(description: string): DirectiveDefinition {
    this.expectKeyword('directive');
    this.expect('@');
    const position = this.at();
    const name = this.name();
    const args = this.#argumentDefinitions();
    const isRepeatable = this.isKeyword('repeatable');
    if (isRepeatable) this.next();
    this.expectKeyword('on');
    this.skip('|');
    const locations = [this.#location()];
    while (this.skip('|')) locations.push(this.#location());
    return {
      Description: description,
      Name: name,
      Arguments: args,
      Locations: locations,
      IsRepeatable: isRepeatable,
      position,
    };
  }

  #location(): string {
    const token = this.expect('Name');
    if (!LOCATIONS.has(token.value)) throw this.unexpected(token);
    return token.value;
  }
}
