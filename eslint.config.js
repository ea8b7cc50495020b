import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** What a chart may not touch: it is (state, message) -> (state', effects), and nothing else. */
const impure = ["Date", "process", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "performance", "crypto", "fetch", "console", "globalThis"];

export default defineConfig(
  { ignores: ["dist/", "node_modules/", "coverage/", "bench/results/", "demo-output/", "runinfo/", "**/*.d.ts"] },
  { linterOptions: { reportUnusedDisableDirectives: "error", noInlineConfig: true } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: ["tsconfig.json", "test/tsconfig.json"], tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports", disallowTypeAnnotations: false }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      // Public functions are called without types too: what cannot be by its type is checked all the same.
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_" }],
      "@typescript-eslint/no-invalid-void-type": ["error", { allowInGenericTypeArguments: true, allowAsThisParameter: true }],
      "@typescript-eslint/prefer-promise-reject-errors": "off",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/unbound-method": "error",
      "@typescript-eslint/ban-ts-comment": ["error", { "ts-expect-error": "allow-with-description", minimumDescriptionLength: 10 }],
      // Classes and enums are told apart by their structure here, as TypeScript does.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
      "@typescript-eslint/no-generated-empty-object-type": "off",
      eqeqeq: ["error", "always"],
      "no-empty": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-console": "error",
      "no-restricted-syntax": ["error", { selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']", message: "A library never ends its program." }],
      "max-lines": ["error", { max: 320, skipBlankLines: true, skipComments: true }],
      "max-lines-per-function": ["error", { max: 40, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    // The program of a manager's process, and nothing else.
    files: ["src/executors/high-throughput/manager-main.ts"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: ["src/state-machines/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", ...impure.map((name) => ({ name, message: "Charts do no I/O and read no clock: make it an effect, or a field of a message." }))],
      "no-restricted-properties": ["error", { object: "Math", property: "random", message: "Charts are deterministic: randomness comes in a message." }],
      "no-restricted-imports": ["error", { patterns: [{ regex: "^(?!xstate$|\\./)", allowTypeImports: true, message: "A chart imports xstate and other charts, and types of errors." }] }],
    },
  },
  {
    files: ["test/**/*.ts", "bench/**/*.ts", "examples/**/*.ts"],
    rules: {
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // Matchers, and what tests look at, are loosely typed.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      "@typescript-eslint/no-useless-default-assignment": "off",
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/restrict-template-expressions": "off",
      "@typescript-eslint/unbound-method": "off",
    },
  },
);
