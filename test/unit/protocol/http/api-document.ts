/**
 * The server's own OpenAPI document as a checker: what a response must look like, so that no test has to say it again.
 * `problemsOf` returns what is wrong with a response; tests plant wrong ones to see that it does.
 */
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";

export interface Seen {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface HeaderObject {
  readonly required?: boolean;
  readonly schema: object;
}

export interface ResponseObject {
  readonly headers?: Readonly<Record<string, HeaderObject>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object; readonly examples?: Examples }>>;
}

export type Examples = Readonly<Record<string, { readonly value: unknown }>>;

export interface OperationObject {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly examples?: Examples }[];
  readonly requestBody?: { readonly content: NonNullable<ResponseObject["content"]> };
  readonly responses: Readonly<Record<string, ResponseObject>>;
  readonly "x-shoal-exchanges": readonly unknown[];
}

export interface ApiObject {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const ID = "shoal";
const NO_BODY = new Set([204, 304]);

export class ApiDocument {
  readonly api: ApiObject;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(api: ApiObject) {
    this.api = api;
    this.#ajv.addSchema({ ...api, $id: ID });
  }

  /** The path of the document that a request path means. */
  templateOf(path: string): string | undefined {
    const plain = path.split("?")[0] as string;
    if (plain.startsWith("/v1/keys/")) return "/v1/keys/{key}";
    if (/^\/v1\/leases\/[^/]+$/.test(plain)) return "/v1/leases/{token}";
    return plain in this.api.paths ? plain : undefined;
  }

  /** What the schema at a place of the document says of a value. */
  mistakesOf(pointer: readonly string[], value: unknown): string[] {
    const fragment = pointer
      .map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
      .join("/");
    let validate = this.#validators.get(fragment);
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: `${ID}#/${fragment}` });
      this.#validators.set(fragment, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${error.instancePath || "the value"} ${error.message}`);
  }

  /** What is wrong with a response, nothing if it is as the document says. */
  problemsOf(seen: Seen): string[] {
    const template = this.templateOf(seen.path);
    const method = seen.method.toLowerCase();
    const path = template === undefined ? undefined : this.api.paths[template];
    if (template === undefined || path === undefined) return this.#unknown(seen, 404, "unknown-route");
    if (method === "options") return seen.headers.has("allow") ? [] : ["OPTIONS is answered without Allow"];
    const name = method === "head" && path.head === undefined && path.get !== undefined ? "get" : method;
    const operation = path[name];
    if (operation === undefined) return this.#unknown(seen, 405, "method-not-allowed");
    const response = operation.responses[seen.status];
    if (response === undefined) return [`${seen.status} is not in the document`];
    const pointer = ["paths", template, name, "responses", String(seen.status)];
    return [...this.#headers(seen, response, pointer), ...this.#body(seen, response, pointer)];
  }

  #unknown(seen: Seen, status: number, code: string): string[] {
    const type = seen.text === "" ? undefined : (JSON.parse(seen.text) as { type?: unknown }).type;
    const right = seen.status === status && (seen.method === "HEAD" || type === `urn:shoal:problem:${code}`);
    return right ? [] : [`${seen.method} ${seen.path} is not in the document, and is answered with ${seen.status}`];
  }

  #headers({ headers }: Seen, response: ResponseObject, pointer: readonly string[]): string[] {
    return Object.entries(response.headers ?? {}).flatMap(([name, { required }]) => {
      const value = headers.get(name);
      if (value === null) return required === true ? [`the header ${name} is missing`] : [];
      return this.mistakesOf([...pointer, "headers", name, "schema"], value).map((text) => `${name}: ${text}`);
    });
  }

  #body({ method, headers, text, status }: Seen, { content }: ResponseObject, pointer: readonly string[]): string[] {
    if (method === "HEAD" || NO_BODY.has(status)) return text === "" ? [] : ["there is a body"];
    if (content === undefined) return text === "" ? [] : ["there is a body, and the document has none"];
    const type = (headers.get("content-type") ?? "").split(";")[0] as string;
    const found = type in content ? type : "*/*" in content ? "*/*" : undefined;
    if (found === undefined) return [`the content type "${type}" is not in the document`];
    if (content[found]?.schema === undefined) return [];
    return this.mistakesOf([...pointer, "content", found, "schema"], JSON.parse(text));
  }
}
