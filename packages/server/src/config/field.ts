/** Kinds of settings: each with the sentence that help and the reference page print. */
import Type from 'typebox';

export const Text = (description: string, options: { default?: string; examples?: string[]; secret?: boolean } = {}) =>
  Type.String({ description, minLength: 1, ...options });

export const OptionalText = (
  description: string,
  options: { examples?: string[]; secret?: boolean; minLength?: number } = {},
) => Type.Optional(Type.String({ description, minLength: 1, ...options }));

export const Count = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: value, minimum, maximum });

export const Flag = (description: string, value: boolean) => Type.Boolean({ description, default: value });

export const Texts = (description: string, value: string[] = []) =>
  Type.Array(Type.String({ minLength: 1 }), { description, default: value });

export const section = <T extends Type.TProperties>(description: string, properties: T) =>
  Type.Object(properties, { description, additionalProperties: false });
