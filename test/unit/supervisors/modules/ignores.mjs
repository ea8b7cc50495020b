export default () => "ignore";
